import { seededRandom, VirtualClock } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Connect } from './peer-connection.ts'
import { Resequencer, WINDOW_BYTES } from './resequencer.ts'
import { StripedChannel } from './striped-channel.ts'
import { connectStriped, type StripedConnection } from './striped-connection.ts'
import { LoopbackNetwork, loopbackPair } from './testing/loopback.ts'

const numbered = (i: number) => Uint8Array.of(0x52, i >>> 8, i & 255)
const numberIn = (bytes: Uint8Array) => ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

function pair(clock = new VirtualClock()) {
  const [first, firstThere] = loopbackPair()
  const [second, secondThere] = loopbackPair()
  const here = new StripedChannel(first, clock)
  const there = new StripedChannel(firstThere, clock)
  const got: number[] = []
  there.onMessage = (bytes) => got.push(numberIn(bytes))
  here.listen(second)
  there.listen(secondThere)
  return { first, firstThere, second, secondThere, here, there, got }
}

describe('a channel of two lanes', () => {
  it('keeps the order and hands each message on once, whatever the lanes do and wherever the second breaks', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(150), fc.nat(200), (seed, addAt, breakAt) => {
        const { first, firstThere, second, secondThere, here, there, got } = pair()
        const random = seededRandom(seed)
        for (let i = 0; i < 200; i++) {
          if (i === addAt) here.add(second)
          if (i === addAt + 5) there.add(secondThere)
          if (i === breakAt && i > addAt) {
            // What is on its way is lost; the other end may still hear of some of it later, over the first lane.
            second.drain(random.int(3))
            second.waiting.length = 0
            here.remove()
          }
          here.send(numbered(i))
          for (const lane of [first, second, firstThere]) if (random.next() < 0.5) lane.drain(random.int(4))
        }
        for (const lane of [first, second, firstThere, secondThere]) lane.drain()
        expect(got).toEqual(upTo(200))
        expect(here.bufferedAmount).toBe(0)
      }),
      { seed: 20261121, numRuns: 300 },
    )
  })

  it('sends bare messages until there is a second lane', () => {
    const { first, here } = pair()
    here.send(numbered(7))
    expect(first.waiting[0]).toEqual(numbered(7))
    expect(here.lanes).toBe(1)
  })

  it('gives both lanes their share', () => {
    const { first, second, here } = pair()
    here.add(second)
    for (let i = 0; i < 40; i++) here.send(new Uint8Array(1000))
    expect(first.waiting).toHaveLength(20)
    expect(second.waiting).toHaveLength(20)
    expect(here.bufferedAmount).toBe(40 * 1008)
  })

  it('takes no more while too much is unacknowledged, and tells when that is over', () => {
    const { first, second, firstThere, here } = pair()
    let lows = 0
    here.onLow = () => lows++
    here.add(second)
    for (let bytes = 0; bytes <= WINDOW_BYTES; bytes += 100_008) here.send(new Uint8Array(100_000))
    first.bufferedAmount = 0
    second.bufferedAmount = 0
    expect(here.bufferedAmount).toBe(Number.MAX_SAFE_INTEGER)
    first.drain()
    second.drain()
    firstThere.drain()
    expect(here.bufferedAmount).toBeLessThanOrEqual(0)
    expect(lows).toBeGreaterThan(0)
  })

  it('calls the second lane stuck when only its frames are missing for 2 s, and delivers them over the first', async () => {
    const clock = new VirtualClock()
    const { first, second, firstThere, here, there, got } = pair(clock)
    here.onStuck = () => here.remove()
    here.add(second)
    for (let i = 0; i < 5; i++) here.send(numbered(i))
    for (const lane of [first, second]) lane.drain()
    await clock.advance(300)
    firstThere.drain()
    // From here on the second lane swallows everything; too few frames for an acknowledgement by number.
    second.swallows = true
    for (let i = 5; i < 11; i++) here.send(numbered(i))
    for (const lane of [first, second]) lane.drain()
    expect(got).not.toEqual(upTo(11))
    await clock.advance(300)
    firstThere.drain()
    await clock.advance(1600)
    expect(here.lanes).toBe(2)
    await clock.advance(1100)
    expect(here.lanes).toBe(1)
    first.drain()
    expect(got).toEqual(upTo(11))
    await clock.advance(300)
    firstThere.drain()
    expect(here.bufferedAmount).toBe(0)
    expect(there.lanes).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('sends what a lane swallowed again between the water marks, and takes nothing new before', () => {
    const { first, second, secondThere, here, there, got } = pair()
    here.lowWaterBytes = 64 << 10
    let lows = 0
    here.onLow = () => lows++
    here.add(second)
    there.add(secondThere)
    const large = (i: number) => {
      const bytes = new Uint8Array(16 << 10)
      bytes.set(numbered(i))
      return bytes
    }
    second.swallows = true
    for (let i = 0; i < 200; i++) {
      here.send(large(i))
      if (i % 2 === 1) for (const lane of [first, second]) lane.drain()
    }
    here.remove()
    let most = 0
    let refused = 0
    for (let turn = 0; first.waiting.length > 0; turn++) {
      most = Math.max(most, first.bufferedAmount)
      if (here.bufferedAmount === Number.MAX_SAFE_INTEGER) refused++
      first.drain(1)
      expect(turn).toBeLessThan(200)
    }
    expect(most).toBeLessThanOrEqual((128 + 17) << 10)
    expect(refused).toBeGreaterThan(50)
    expect(got).toEqual(upTo(200))
    expect(lows).toBeGreaterThan(0)
  })

  it('keeps a second lane that is idle, slow or waits for the first', async () => {
    const clock = new VirtualClock()
    const { first, second, firstThere, here, got } = pair(clock)
    let stuck = 0
    here.onStuck = () => stuck++
    here.add(second)
    // The first lane holds everything up.
    for (let i = 0; i < 40; i++) here.send(numbered(i))
    second.drain()
    await clock.advance(5000)
    first.drain()
    firstThere.drain()
    // The second is slow: a frame a second.
    for (let i = 40; i < 60; i++) here.send(numbered(i))
    for (let second10 = 0; second10 < 20; second10++) {
      first.drain()
      second.drain(1)
      await clock.advance(1000)
      firstThere.drain()
    }
    expect(got).toEqual(upTo(60))
    await clock.advance(60_000)
    expect(stuck).toBe(0)
    expect(here.lanes).toBe(2)
    expect(clock.pending).toBe(0)
  })

  it('closes both lanes with the first, and when a peer leaves a gap for good', () => {
    const { first, second, here } = pair()
    const reasons: string[] = []
    here.onClose = (reason) => reasons.push(reason)
    here.add(second)
    first.close()
    expect(second.closed).toBe(true)
    expect(reasons).toHaveLength(1)
    const order = new Resequencer(() => {})
    expect(() => {
      for (let i = 1; i < 200; i++) order.push(i, new Uint8Array(100_000))
    }).toThrow(expect.objectContaining({ reason: 'too-large' }))
  })
})

describe('a connection of two lanes', () => {
  async function connected(clock: VirtualClock, trusts: () => boolean) {
    const network = new LoopbackNetwork(clock)
    const opened: string[] = []
    /** Of every connection that was made, in this order. */
    const beatsSent: number[] = []
    const ends: StripedConnection[] = []
    const connect: Connect = (options) => {
      const connection = network.connect(options)
      const index = beatsSent.push(0) - 1
      return { ...connection, sendBeat: () => void beatsSent.splice(index, 1, (beatsSent[index] ?? 0) + 1) }
    }
    const make = (initiator: boolean) =>
      connectStriped(
        connect,
        {
          initiator,
          iceServers: [],
          onSignal: (signal) => clock.after(1, () => ends[initiator ? 1 : 0]?.signal(signal)),
          onOpen: () => opened.push(initiator ? 'a' : 'b'),
          onBeat: () => {},
          onTrouble: () => {},
        },
        trusts,
        clock,
      )
    ends.push(make(true), make(false))
    const [a, b] = ends as [StripedConnection, StripedConnection]
    const got: number[] = []
    b.data.onMessage = (bytes) => got.push(numberIn(bytes))
    await clock.advance(50)
    expect(opened.sort()).toEqual(['a', 'b'])
    return { a, b, got, beatsSent, network }
  }

  it('finds its second lane through the first, once, and uses it in both directions', async () => {
    const clock = new VirtualClock()
    const { a, b, got } = await connected(clock, () => true)
    a.data.send(numbered(0))
    b.widen()
    a.widen()
    a.widen()
    for (let i = 1; i < 60; i++) {
      a.data.send(numbered(i))
      await clock.advance(1)
    }
    await clock.advance(50)
    expect([a.lanes, b.lanes]).toEqual([2, 2])
    expect(got).toEqual(upTo(60))
    a.close()
    b.close()
    await clock.advance(50)
    expect(clock.pending).toBe(0)
  })

  it('beats over the first lane, and probes over both: each association knows of its own losses', async () => {
    const clock = new VirtualClock()
    const { a, b, beatsSent } = await connected(clock, () => true)
    a.probe(Uint8Array.of(1))
    a.widen()
    await clock.advance(50)
    expect([a.lanes, b.lanes]).toEqual([2, 2])
    a.sendBeat(Uint8Array.of(1))
    a.probe(Uint8Array.of(1))
    expect(beatsSent).toEqual([3, 0, 1, 0])
    a.close()
    b.close()
  })

  it('outlives a second lane that swallows everything, in both directions, and opens no other', async () => {
    const clock = new VirtualClock()
    const { a, b, got, network } = await connected(clock, () => true)
    const back: number[] = []
    a.data.onMessage = (bytes) => back.push(numberIn(bytes))
    a.widen()
    await clock.advance(50)
    const both = async (from: number, until: number) => {
      for (let i = from; i < until; i++) {
        a.data.send(numbered(i))
        b.data.send(numbered(i))
        // Several at once: what finds both lanes empty takes the first.
        if (i % 5 === 4) await clock.advance(3)
      }
    }
    await both(0, 100)
    expect([a.lanes, b.lanes]).toEqual([2, 2])
    network.swallowNewest()
    await both(100, 250)
    await clock.advance(3000)
    expect([a.lanes, b.lanes]).toEqual([1, 1])
    a.widen()
    await both(250, 300)
    await clock.advance(500)
    expect(got).toEqual(upTo(300))
    expect(back).toEqual(upTo(300))
    expect([a.lanes, b.lanes]).toEqual([1, 1])
    a.close()
    b.close()
    await clock.advance(50)
    expect(clock.pending).toBe(0)
  })

  it('opens none for a peer that has not proven itself', async () => {
    const clock = new VirtualClock()
    const { a, b } = await connected(clock, () => false)
    a.widen()
    await clock.advance(100)
    expect([a.lanes, b.lanes]).toEqual([1, 1])
  })
})
