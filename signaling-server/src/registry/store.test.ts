import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { type DeviceId, deviceId, roomId, systemClock, VirtualClock } from '@roomful/core'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../server.ts'
import { profileOf, TestClient } from '../testing/client.ts'
import { MemoryStore } from './memory-store.ts'
import { RedisStore } from './redis-store.ts'
import type { Registration, RegistryStore, StoreLimits } from './store.ts'

const LIMITS: StoreLimits = { maxRooms: 2, maxDevicesPerRoom: 2, deviceTimeoutMs: 200 }
const room = roomId('room-one-0123456789abcd')
const entry = (id: string, resume = `resume-${id}`, load = 0): Registration => ({
  profile: profileOf(id, { load }),
  links: [],
  resume,
})

/** What every registry does; `pass` lets time go by. */
function contract(create: () => Promise<{ store: RegistryStore; pass: (ms: number) => Promise<void> }>): void {
  it('keeps devices by room, tells who is there, and forgets whom it is told to', async () => {
    const { store } = await create()
    expect(await store.join(room, entry('a'), undefined)).toBe('joined')
    expect(await store.join(room, entry('b'), undefined)).toBe('joined')
    expect((await store.list(room)).map(({ profile }) => profile.id).sort()).toEqual(['a', 'b'])
    expect(await store.count()).toEqual({ rooms: 1, devices: 2 })
    expect(await store.update(room, entry('a', 'resume-a', 0.5))).toBe(true)
    expect((await store.list(room)).find(({ profile }) => profile.id === 'a')?.profile.load).toBe(0.5)
    expect(await store.remove(room, deviceId('a'), 'resume-a')).toBe(true)
    expect(await store.has(room, deviceId('a'))).toBe(false)
    expect(await store.remove(room, deviceId('b'), 'resume-b')).toBe(true)
    expect(await store.count()).toEqual({ rooms: 0, devices: 0 })
  })

  it('lets an entry be changed by nobody without its token', async () => {
    const { store } = await create()
    await store.join(room, entry('a', 'secret'), undefined)
    expect(await store.join(room, entry('a', 'mine'), undefined)).toBe('id-taken')
    expect(await store.join(room, entry('a', 'mine'), 'guess')).toBe('id-taken')
    expect(await store.update(room, entry('a', 'guess'))).toBe(false)
    expect(await store.touch(room, deviceId('a'), 'guess')).toBe(false)
    expect(await store.remove(room, deviceId('a'), 'guess')).toBe(false)
    expect(await store.join(room, entry('a', 'renewed'), 'secret')).toBe('resumed')
    expect(await store.touch(room, deviceId('a'), 'renewed')).toBe(true)
  })

  it('refuses more devices in a room, and more rooms, than it may hold', async () => {
    const { store } = await create()
    await store.join(room, entry('a'), undefined)
    await store.join(room, entry('b'), undefined)
    expect(await store.join(room, entry('c'), undefined)).toBe('room-full')
    expect(await store.join(room, entry('b', 'again'), 'resume-b')).toBe('resumed')
    expect(await store.join(roomId('room-two'), entry('a'), undefined)).toBe('joined')
    expect(await store.join(roomId('room-three'), entry('a'), undefined)).toBe('rooms-full')
  })

  it('expires who was not heard of, once', async () => {
    const { store, pass } = await create()
    await store.join(room, entry('silent'), undefined)
    await store.join(room, entry('lively'), undefined)
    await pass(150)
    await store.touch(room, deviceId('lively') as DeviceId, 'resume-lively')
    await pass(100)
    expect(await store.expire()).toEqual([{ room, id: 'silent' }])
    expect(await store.expire()).toEqual([])
    expect((await store.list(room)).map(({ profile }) => profile.id)).toEqual(['lively'])
  })
}

describe('the registry in memory', () => {
  contract(async () => {
    const clock = new VirtualClock()
    return { store: new MemoryStore(LIMITS, clock), pass: (ms) => clock.advance(ms) }
  })
})

const REDIS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((file) => existsSync(file))
if (REDIS === undefined) console.log('registry in Redis: not tested, because redis-server is not installed')

describe.runIf(REDIS !== undefined)('the registry in Redis', () => {
  let url = ''
  let redis: Redis
  let stop = () => {}

  beforeAll(async () => {
    const port = await freePort()
    const child = spawn(REDIS ?? '', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], { stdio: 'ignore' })
    url = `redis://127.0.0.1:${port}`
    redis = new Redis(url, { maxRetriesPerRequest: 50 })
    redis.on('error', () => {})
    stop = () => {
      redis.disconnect()
      child.kill('SIGKILL')
    }
    await redis.ping()
  })
  afterAll(() => stop())

  contract(async () => {
    await redis.flushall()
    const pass = (ms: number) => new Promise<void>((resolve) => systemClock.after(ms + 20, resolve))
    return { store: new RedisStore(redis, LIMITS), pass }
  })

  it('joins devices of two servers in one room', async () => {
    await redis.flushall()
    const servers: RunningServer[] = [
      await startServer({ port: 0, redisUrl: url }),
      await startServer({ port: 0, redisUrl: url }),
    ]
    const [a, b] = servers.map(({ port }) => new TestClient(`http://127.0.0.1:${port}`)) as [TestClient, TestClient]
    await Promise.all([a.connected(), b.connected()])
    await a.join('a')
    expect(await b.join('b')).toMatchObject({ ok: true, peers: [profileOf('a')] })
    expect(await a.hears('peer-joined')).toEqual({ profile: profileOf('b') })
    expect(await b.send('signal', { to: 'a', sealed: 'AA' })).toEqual({ ok: true })
    expect(await a.hears('signal')).toEqual({ from: 'b', sealed: 'AA' })
    await b.send('leave')
    expect(await a.hears('peer-left')).toEqual({ id: 'b', reason: 'left' })
    a.close()
    b.close()
    for (const server of servers) await server.close()
  })
})

it('a Redis that cannot be reached is told in one line, without its password', async () => {
  const redisUrl = `redis://user:hunter2@127.0.0.1:${await freePort()}`
  const failed = startServer({ port: 0, redisUrl })
  await expect(failed).rejects.toThrow(/Redis at 127\.0\.0\.1:\d+ cannot be reached/)
  await expect(failed).rejects.not.toThrow(/hunter2/)
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
