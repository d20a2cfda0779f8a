import { type DeviceId, deviceId, seededRandom, VirtualClock } from '@roomful/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Room } from '../room.ts'
import { createMemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts'
import { bareProfile, linked, runRoomContract } from './room-contract.ts'

function setup(options: Partial<MemoryNetworkOptions> = {}) {
  const clock = new VirtualClock()
  const network = createMemoryNetwork({ clock, random: seededRandom(7), ...options })
  const rooms: Room[] = []
  const join = (id: string) => {
    const room = network.join(bareProfile(id))
    rooms.push(room)
    return room
  }
  return { clock, network, rooms, join }
}

async function twoLinked(options: Partial<MemoryNetworkOptions> = {}) {
  const world = setup(options)
  const a = world.join('a')
  const b = world.join('b')
  await world.clock.runUntil(Promise.all([linked(a, b.self), linked(b, a.self)]))
  return { ...world, a, b }
}

describe('the memory room keeps the room contract', () => {
  runRoomContract(it, () => {
    const { clock, network, rooms } = setup()
    return {
      join: async (profile) => {
        const room = network.join(profile)
        rooms.push(room)
        return room
      },
      until: (done) => clock.runUntil(done),
      pass: (ms) => clock.advance(ms),
      cut: async (a, b) => network.disconnect(a.self, b.self),
      dispose: async () => {
        for (const room of rooms) await room[Symbol.asyncDispose]()
      },
    }
  })
})

const featureTo = (a: Room, b: DeviceId, bytes: number, timeoutMs = 60_000) =>
  a.notify(b, 'cacheIndex', { added: [], removed: [], blobs: [new Uint8Array(bytes)] }, { timeoutMs })

describe('memory network', () => {
  it('lets bytes take bytes / bandwidth + RTT / 2', async () => {
    const { clock, a, b } = await twoLinked({ link: { rttMs: 20, mbitPerSecond: 80 } })
    const startMs = clock.now()
    const arrived = new Promise<number>((resolve) => b.onNotice('cacheIndex', () => resolve(clock.now() - startMs)))
    await featureTo(a, b.self, 100_000)
    const tookMs = await clock.runUntil(arrived)
    expect(tookMs).toBeGreaterThanOrEqual(20)
    expect(tookMs).toBeLessThan(20.1)
  })

  it('lets directions of one link and different links not share bandwidth', async () => {
    const { clock, a, b } = await twoLinked({ link: { rttMs: 0, mbitPerSecond: 8 } })
    const times: number[] = []
    const startMs = clock.now()
    const both = [a, b].map(
      (room) =>
        new Promise<void>((resolve) => {
          room.onNotice('cacheIndex', () => {
            times.push(Math.round(clock.now() - startMs))
            resolve()
          })
        }),
    )
    await Promise.all([featureTo(a, b.self, 10_000), featureTo(b, a.self, 10_000)])
    await clock.runUntil(Promise.all(both))
    expect(times).toEqual([10, 10])
  })

  it('turns a loss into one retransmission for the message and all behind it', async () => {
    const { clock, a, b } = await twoLinked({ link: { rttMs: 10, lossProbability: 1, retransmitMs: 200 } })
    const startMs = clock.now()
    const arrived = new Promise<number>((resolve) => b.onNotice('load', () => resolve(clock.now() - startMs)))
    await a.notify(b.self, 'load', { load: 0, queued: 0 }, { timeoutMs: 1000 })
    expect(Math.round(await clock.runUntil(arrived))).toBe(205)
  })

  it('notices a killed device within 2 s and says gone later', async () => {
    const { clock, network, a, b } = await twoLinked()
    const killedMs = clock.now()
    const states: [string, number][] = []
    a.on('peer', (_, state) => states.push([state.link, clock.now() - killedMs]))
    const gone = new Promise<void>((resolve) => a.on('gone', () => resolve()))
    network.kill(b.self)
    await clock.runUntil(gone)
    expect(states).toEqual([['silent', 2000]])
    expect(clock.now() - killedMs).toBe(10_000)
    expect(a.peers.size).toBe(0)
  })

  it('holds messages while a path is silent and delivers them when it is back', async () => {
    const { clock, network, a, b } = await twoLinked()
    const seen: number[] = []
    b.onNotice('load', ({ queued }) => seen.push(queued))
    network.silence(a.self, b.self)
    await a.notify(b.self, 'load', { load: 0, queued: 1 }, { timeoutMs: 1000 })
    await a.notify(b.self, 'load', { load: 0, queued: 2 }, { timeoutMs: 1000 })
    await clock.advance(3000)
    expect(seen).toEqual([])
    expect(a.peers.get(b.self)?.link).toBe('silent')
    network.restore(a.self, b.self)
    await clock.advance(1000)
    expect(seen).toEqual([1, 2])
    expect(a.peers.get(b.self)?.link).toBe('connected')
  })

  it('links a broken pair again when told to', async () => {
    const { clock, network, a, b } = await twoLinked()
    network.disconnect(a.self, b.self, 'cable', 500)
    expect(a.peers.get(b.self)?.link).toBe('lost')
    await clock.runUntil(linked(a, b.self))
    b.handle('cacheGet', async () => ({ hit: false }))
    await clock.runUntil(a.request(b.self, 'cacheGet', { key: 'k' }, { timeoutMs: 1000 }))
  })

  it('refuses a body that the wire would change, naming where', async () => {
    const { a, b } = await twoLinked()
    const body = { load: Number.NaN, queued: 0 }
    await expect(a.notify(b.self, 'load', body, { timeoutMs: 1000 })).rejects.toThrow('notice load load')
    const added = new Float32Array(2) as never
    await expect(a.notify(b.self, 'cacheIndex', { added, removed: [] }, { timeoutMs: 1000 })).rejects.toThrow(
      'notice cacheIndex added',
    )
  })

  it('refuses a message over the limit and keeps the link', async () => {
    const { clock, a, b } = await twoLinked()
    await expect(featureTo(a, b.self, 17 << 20)).rejects.toMatchObject({ reason: 'too-large' })
    await clock.runUntil(featureTo(a, b.self, 10))
  })

  it('makes a sender wait above the high-water mark and frees it when the link breaks', async () => {
    const { clock, network, a, b } = await twoLinked({ link: { mbitPerSecond: 1 } })
    await featureTo(a, b.self, 200_000)
    const second = featureTo(a, b.self, 200_000).then(
      () => 'sent',
      (error) => error.reason,
    )
    await clock.advance(100)
    network.disconnect(a.self, b.self)
    expect(await clock.runUntil(second)).toBe('disconnected')
  })

  it('gives the same story for the same seed', async () => {
    const story = async () => {
      const { clock, network, a, b } = await twoLinked({ link: { jitterMs: 30, lossProbability: 0.3 } })
      const seen: string[] = []
      network.onDelivered(({ message, atMs }) => seen.push(`${message.type}@${atMs}`))
      b.onNotice('load', () => {})
      for (let i = 0; i < 20; i++) await a.notify(b.self, 'load', { load: 0, queued: i }, { timeoutMs: 1000 })
      await clock.advance(60_000)
      return seen
    }
    expect(await story()).toEqual(await story())
  })

  it('ends every question exactly once and leaves no timer behind, whatever fails', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('ask' as const),
        from: fc.nat(3),
        to: fc.nat(3),
        timeoutMs: fc.integer({ min: 1, max: 4000 }),
      }),
      fc.record({
        do: fc.constantFrom('cut' as const, 'silence' as const, 'restore' as const),
        from: fc.nat(3),
        to: fc.nat(3),
      }),
      fc.record({
        do: fc.constantFrom('kill' as const, 'leave' as const),
        to: fc.constant(0),
        from: fc.integer({ min: 2, max: 3 }),
      }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.nat(500) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, network, rooms, join } = setup({ link: { jitterMs: 5, lossProbability: 0.1 } })
        for (const id of ['a', 'b', 'c', 'd']) {
          join(id)
        }
        await clock.advance(100)
        let asked = 0
        let ended = 0
        for (const s of steps) {
          if (s.do === 'wait') await clock.advance(s.ms)
          else if (s.do === 'ask') {
            asked++
            const to = rooms[s.to]?.self ?? deviceId('x')
            const body = { replyBytes: 20_000, blobs: [new Uint8Array(10_000)] }
            const count = () => ended++
            void rooms[s.from]?.request(to, 'probe', body, { timeoutMs: s.timeoutMs }).then(count, count)
          } else if (s.do === 'kill') network.kill(rooms[s.from]?.self ?? deviceId('x'))
          else if (s.do === 'leave') await rooms[s.from]?.[Symbol.asyncDispose]()
          else {
            const [one, two] = [rooms[s.from], rooms[s.to]]
            if (one === undefined || two === undefined) continue
            if (s.do === 'cut') network.disconnect(one.self, two.self, 'cut', 200)
            else if (s.do === 'silence') network.silence(one.self, two.self)
            else network.restore(one.self, two.self)
          }
        }
        await clock.advance(20_000)
        expect(ended).toBe(asked)
        for (const room of rooms) await room[Symbol.asyncDispose]()
        await clock.advance(1000)
        expect(clock.pending).toBe(0)
        expect(network.inFlight).toBe(0)
      }),
      { seed: 11, numRuns: 60 },
    )
  })
})
