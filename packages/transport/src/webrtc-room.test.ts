import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, type DeviceProfile, systemClock } from '@roomful/core'
import { createRoomKey, type RoomKey } from '@roomful/protocol'
import { type RunningServer, startServer } from '@roomful/signaling-server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Room } from './room.ts'
import { LoopbackNetwork } from './testing/loopback.ts'
import { bareProfile, linked, runRoomContract } from './testing/room-contract.ts'
import { joinRoom } from './webrtc-room.ts'

/** Rooms over the real signalling server; only WebRTC itself is replaced (see browser.test.ts for that). */
let server: RunningServer
const rooms: Room[] = []

beforeAll(async () => {
  server = await startServer({ port: 0 })
})
afterAll(() => server.close())
afterEach(async () => {
  for (const room of rooms.splice(0)) await room[Symbol.asyncDispose]()
})

async function enter(network: LoopbackNetwork, roomKey: RoomKey, profile: DeviceProfile, port = server.port) {
  const room = await joinRoom({ url: `http://127.0.0.1:${port}`, roomKey, profile, connect: network.connect })
  rooms.push(room)
  return room
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('a room over the signalling server keeps the room contract', () => {
  runRoomContract(it, () => {
    const network = new LoopbackNetwork(systemClock)
    const roomKey = createRoomKey()
    return {
      join: (profile) => enter(network, roomKey, profile),
      until: (done) => done,
      pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      cut: async () => network.cut(),
      dispose: async () => {},
    }
  })
})

describe('a room over the signalling server', () => {
  it('links devices that join at the same moment, every time', async () => {
    for (let round = 0; round < 8; round++) {
      const network = new LoopbackNetwork(systemClock)
      const roomKey = createRoomKey()
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => enter(network, roomKey, bareProfile(id))))
      if (a === undefined || b === undefined || c === undefined) throw new Error('not joined')
      await Promise.all([linked(a, b.self), linked(b, c.self), linked(c, a.self)])
      for (const room of rooms.splice(0)) await room[Symbol.asyncDispose]()
    }
  })

  it('comes up after an offer was lost', async () => {
    const network = new LoopbackNetwork(systemClock)
    const roomKey = createRoomKey()
    network.deaf = true
    const a = await enter(network, roomKey, bareProfile('a'))
    const b = await enter(network, roomKey, bareProfile('b'))
    await new Promise((resolve) => setTimeout(resolve, 300))
    network.deaf = false
    await Promise.all([linked(a, b.self), linked(b, a.self)])
  })

  it('asks for a new path when a peer falls silent, and goes on when it is back', async () => {
    const network = new LoopbackNetwork(systemClock)
    const roomKey = createRoomKey()
    const a = await enter(network, roomKey, bareProfile('a'))
    const b = await enter(network, roomKey, bareProfile('b'))
    await Promise.all([linked(a, b.self), linked(b, a.self)])
    network.mute = true
    await until(() => a.peers.get(b.self)?.link === 'silent')
    expect(network.restarts).toBeGreaterThan(0)
    network.mute = false
    await linked(a, b.self)
  })

  it('refuses to join with another protocol version, naming both', async () => {
    const network = new LoopbackNetwork(systemClock)
    const profile = { ...bareProfile('a'), protocol: 999 }
    await expect(enter(network, createRoomKey(), profile)).rejects.toMatchObject({
      reason: 'version',
      message: expect.stringContaining('999'),
    })
  })

  it('refuses a taken device id', async () => {
    const network = new LoopbackNetwork(systemClock)
    const roomKey = createRoomKey()
    await enter(network, roomKey, bareProfile('a'))
    await expect(enter(network, roomKey, bareProfile('a'))).rejects.toMatchObject({ reason: 'rejected' })
  })

  it('gives up joining an absent server when told to', async () => {
    const controller = new AbortController()
    const joining = joinRoom({
      url: 'http://127.0.0.1:9',
      roomKey: createRoomKey(),
      profile: bareProfile('a'),
      connect: new LoopbackNetwork(systemClock).connect,
      signal: controller.signal,
    })
    setTimeout(() => controller.abort(new Error('enough')), 100)
    await expect(joining).rejects.toThrow('enough')
  })

  const attempt = (url: string, more: { joinTimeoutMs?: number; clock?: Clock } = {}) => {
    const { connect } = new LoopbackNetwork(systemClock)
    return joinRoom({ url, roomKey: createRoomKey(), profile: bareProfile('a'), connect, ...more })
  }

  it('refuses at once what is no address of a server', async () => {
    for (const url of ['not a url', '', 'localhost:8443', '/room', 'ftp://localhost']) {
      await expect(attempt(url)).rejects.toMatchObject({ name: 'TransportError', reason: 'malformed' })
    }
  })

  it('gives up an absent server after the time it was given, and says why', async () => {
    const given: number[] = []
    const clock: Clock = {
      now: systemClock.now,
      after: (ms, callback) => {
        given.push(ms)
        return systemClock.after(ms > 1_000 ? 50 : ms, callback)
      },
    }
    await expect(attempt('http://127.0.0.1:9', { clock })).rejects.toMatchObject({
      name: 'TransportError',
      reason: 'unreachable',
      message: expect.stringMatching(/http:\/\/127.0.0.1:9 let nobody into the room within 30 s/),
    })
    expect(given).toContain(30_000)
  })

  it('gives up a server that accepts connections and never answers', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    try {
      const joining = attempt(`http://127.0.0.1:${port}`, { joinTimeoutMs: 100 })
      await expect(joining).rejects.toMatchObject({ reason: 'unreachable' })
    } finally {
      silent.closeAllConnections()
      await new Promise((resolve) => silent.close(resolve))
    }
  })

  it('gets into a server that comes up while it is tried', async () => {
    const first = await startServer({ port: 0 })
    const { port } = first
    await first.close()
    const joining = attempt(`http://127.0.0.1:${port}`)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const late = await startServer({ port })
    rooms.push(await joining)
    for (const room of rooms.splice(0)) await room[Symbol.asyncDispose]()
    await late.close()
  })

  it('keeps links over a restart of the server and refills its registry', async () => {
    const own = await startServer({ port: 0 })
    const network = new LoopbackNetwork(systemClock)
    const roomKey = createRoomKey()
    const a = await enter(network, roomKey, bareProfile('a'), own.port)
    const b = await enter(network, roomKey, bareProfile('b'), own.port)
    await Promise.all([linked(a, b.self), linked(b, a.self)])
    const states: string[] = []
    a.on('signalling', (state) => states.push(state))
    const lost: string[] = []
    a.on('gone', (id) => lost.push(id))
    await own.close()
    b.handle('cacheGet', async () => ({ hit: true }))
    await a.request(b.self, 'cacheGet', { key: 'k' }, { timeoutMs: 2000 })
    const again = await startServer({ port: own.port })
    const c = await enter(network, roomKey, bareProfile('c'), own.port)
    await Promise.all([linked(c, a.self), linked(c, b.self)])
    expect(states).toContain('reconnecting')
    expect(states.at(-1)).toBe('connected')
    expect(lost).toEqual([])
    for (const room of rooms.splice(0)) await room[Symbol.asyncDispose]()
    await again.close()
  })
})
