import { once } from 'node:events'
import { connect as connectTo } from 'node:net'
import { deviceId, VirtualClock } from '@roomful/core'
import { afterEach, describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from './limits.ts'
import { type RunningServer, type ServerOptions, startServer } from './server.ts'
import { profileOf, ROOM, TestClient } from './testing/client.ts'

let server: RunningServer | undefined
const clients: TestClient[] = []
const urlOf = () => `http://127.0.0.1:${server?.port}`

async function start(options: Partial<ServerOptions> = {}): Promise<void> {
  server = await startServer({ port: 0, ...options })
}

async function connect(...transports: ('polling' | 'websocket')[]): Promise<TestClient> {
  const client = new TestClient(urlOf(), transports.length === 0 ? undefined : transports)
  clients.push(client)
  await client.connected()
  return client
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await server?.close()
  server = undefined
})

describe('the signalling server', () => {
  it('introduces devices: each learns of those who are there, who come, change and leave', async () => {
    await start()
    const [phone, laptop] = [await connect(), await connect()]
    const link = { a: deviceId('phone'), b: deviceId('laptop'), rttMs: 2, mbitPerSecond: 80 }
    expect(await phone.join('phone', {}, [link])).toMatchObject({ ok: true, peers: [], links: [] })
    expect(await laptop.join('laptop')).toMatchObject({ ok: true, peers: [profileOf('phone')], links: [link] })
    expect(await phone.hears('peer-joined')).toEqual({ profile: profileOf('laptop') })

    const changed = profileOf('laptop', { visible: false })
    expect(await laptop.send('profile', { profile: changed, links: [link] })).toEqual({ ok: true })
    expect(await phone.hears('peer-updated')).toEqual({ profile: changed, links: [link] })

    expect(await laptop.send('leave')).toEqual({ ok: true })
    expect(await phone.hears('peer-left')).toEqual({ id: 'laptop', reason: 'left' })
    expect(await laptop.send('heartbeat')).toMatchObject({ ok: false, reason: 'not-joined' })
  })

  it('passes sealed messages to the one they are for, naming the sender', async () => {
    await start()
    const [a, b, c] = [await connect(), await connect(), await connect()]
    for (const [client, id] of [
      [a, 'a'],
      [b, 'b'],
      [c, 'c'],
    ] as const)
      await client.join(id)
    expect(await a.send('signal', { to: 'b', sealed: 'c2VhbGVk' })).toEqual({ ok: true })
    expect(await b.hears('signal')).toEqual({ from: 'a', sealed: 'c2VhbGVk' })
    expect(await a.send('signal', { to: 'nobody', sealed: 'AA' })).toMatchObject({ reason: 'unknown-peer' })
    expect(c.heard.filter(([event]) => event === 'signal')).toEqual([])
  })

  it('keeps rooms apart', async () => {
    await start()
    const [a, b] = [await connect(), await connect()]
    await a.join('a')
    const other = { room: 'another-room-0123456789', profile: profileOf('b'), links: [] }
    expect(await b.send('join', other)).toMatchObject({ ok: true, peers: [] })
    expect(await b.send('signal', { to: 'a', sealed: 'AA' })).toMatchObject({ reason: 'unknown-peer' })
  })

  it('begins with polling and works on when the WebSocket upgrade is refused', async () => {
    await start({ refuseUpgrade: true })
    const a = new TestClient(urlOf())
    clients.push(a)
    const refused = new Promise((resolve) => a.socket.io.engine.once('upgradeError', resolve))
    await a.connected()
    await refused
    const b = await connect()
    await a.join('a')
    expect(await b.join('b')).toMatchObject({ ok: true })
    expect(a.socket.io.engine.transport.name).toBe('polling')
    expect(await b.send('signal', { to: 'a', sealed: 'AA' })).toEqual({ ok: true })
    expect(await a.hears('signal')).toEqual({ from: 'b', sealed: 'AA' })
    await expect(connect('websocket')).rejects.toThrow()
  })

  it('answers malformed events with the reason and closes a socket that sends nothing else', async () => {
    await start({ limits: { maxMalformed: 4 } })
    const client = await connect()
    expect(await client.send('join', { room: 'x' })).toMatchObject({ ok: false, reason: 'malformed' })
    expect(await client.send('join', null)).toMatchObject({ reason: 'malformed' })
    expect(await client.send('signal', { to: 'a', sealed: 'AA' })).toMatchObject({ reason: 'not-joined' })
    expect(await client.join('a', { name: 'n'.repeat(41) })).toMatchObject({ reason: 'malformed' })
    const foreign = { a: deviceId('b'), b: deviceId('c'), rttMs: 1, mbitPerSecond: 1 }
    expect(await client.join('a', {}, [foreign])).toMatchObject({ reason: 'malformed' })
    const closed = new Promise((resolve) => client.socket.once('disconnect', resolve))
    client.socket.emit('join', undefined as never, undefined as never)
    await closed
  })

  it('survives events without acknowledgement and packets beyond the payload cap', async () => {
    await start({ limits: { maxPayloadBytes: 2000 } })
    const [rude, a] = [await connect('websocket'), await connect()]
    rude.socket.emit('heartbeat', undefined as never)
    const closed = new Promise((resolve) => rude.socket.once('disconnect', resolve))
    rude.socket.emit('signal', { to: deviceId('a'), sealed: 'A'.repeat(5000) }, () => {})
    await closed
    expect(await a.join('a')).toMatchObject({ ok: true })
  })

  it('slows down who sends too much and says for how long', async () => {
    const clock = new VirtualClock()
    await start({ clock, limits: { rates: { ...DEFAULT_LIMITS.rates, heartbeat: { burst: 3, perSecond: 2 } } } })
    const client = await connect()
    await client.join('a')
    for (let i = 0; i < 3; i++) expect(await client.send('heartbeat')).toEqual({ ok: true })
    expect(await client.send('heartbeat')).toMatchObject({ ok: false, reason: 'rate-limited', retryAfterMs: 500 })
    await clock.advance(500)
    expect(await client.send('heartbeat')).toEqual({ ok: true })
  })

  it('refuses a full room, a taken id, and a page of another version, naming both', async () => {
    await start({ limits: { maxDevicesPerRoom: 1, maxRooms: 1 } })
    const [a, b] = [await connect(), await connect()]
    await a.join('a')
    expect(await b.join('b')).toMatchObject({ reason: 'room-full' })
    expect(await b.join('a')).toMatchObject({ reason: 'id-taken' })
    const elsewhere = { room: 'another-room-0123456789', profile: profileOf('b'), links: [] }
    expect(await b.send('join', elsewhere)).toMatchObject({ reason: 'room-full' })
    expect(await b.join('b', { protocol: 999 })).toMatchObject({
      reason: 'version',
      message: expect.stringMatching(/999.*this side is older/),
    })
  })

  it('keeps the place of a device whose socket was lost until its grace ends', async () => {
    const clock = new VirtualClock()
    await start({ clock, limits: { reconnectGraceMs: 5000 } })
    const [watcher, lost] = [await connect(), await connect()]
    await watcher.join('watcher')
    const answer = await lost.join('phone')
    lost.close()
    await until(async () => clock.pending > 1)
    expect(await watcher.hears('peer-unseen')).toEqual({ id: 'phone' })
    const back = await connect()
    const resume = answer.ok ? answer.resume : ''
    expect(await back.join('phone', { load: 0.5 }, [], resume)).toMatchObject({ ok: true })
    await clock.advance(10_000)
    expect(await watcher.hears('peer-updated')).toMatchObject({ profile: { load: 0.5 } })
    expect(watcher.heard.some(([event]) => event === 'peer-left')).toBe(false)
    const before = clock.pending
    back.close()
    await until(async () => clock.pending > before)
    await clock.advance(5000)
    expect(await watcher.hears('peer-left')).toEqual({ id: 'phone', reason: 'disconnected' })
  })

  it('does not call a device unseen that is back on another socket before the old one is lost', async () => {
    await start()
    const watcher = await connect()
    await watcher.join('laptop')
    const old = await connect()
    const answer = await old.join('phone')
    const back = await connect()
    const resume = answer.ok ? answer.resume : ''
    expect(await back.join('phone', { load: 0.5 }, [], resume)).toMatchObject({ ok: true })
    await until(async () => !old.socket.connected)
    expect(await watcher.hears('peer-updated')).toMatchObject({ profile: { load: 0.5 } })
    expect(watcher.heard.some(([event]) => event === 'peer-unseen')).toBe(false)
  })

  it('removes a device that falls silent, and asks it to join again', async () => {
    const clock = new VirtualClock()
    await start({ clock, limits: { deviceTimeoutMs: 1000 } })
    const [lively, silent] = [await connect(), await connect()]
    await lively.join('lively')
    await silent.join('silent')
    for (let i = 0; i < 6; i++) {
      await clock.advance(300)
      await lively.send('heartbeat')
    }
    expect(await lively.hears('peer-left')).toEqual({ id: 'silent', reason: 'timeout' })
    expect(await silent.send('heartbeat')).toMatchObject({ reason: 'not-joined' })
    expect(await silent.join('silent')).toMatchObject({ ok: true })
  })

  it('says farewell when it ends; after a restart the registry refills from whole profiles', async () => {
    await start()
    const port = server?.port ?? 0
    const [a, b] = [await connect(), await connect()]
    const first = await a.join('a')
    await b.join('b')
    await server?.close()
    expect(a.heard.map(([event]) => event)).toContain('server-closing')

    await start({ port })
    const [again, other] = [await connect(), await connect()]
    expect(await again.join('a', {}, [], first.ok ? first.resume : '')).toMatchObject({ ok: true, peers: [] })
    expect(await other.join('b')).toMatchObject({ ok: true, peers: [profileOf('a')] })
  })

  it('ends though a browser holds a connection on which it has not asked anything', async () => {
    await start()
    const ahead = connectTo(server?.port ?? 0, '127.0.0.1')
    await once(ahead, 'connect')
    // Node's own wait for a first request is a minute, as long as this test may take.
    await Promise.all([server?.close(), once(ahead, 'close')])
    server = undefined
  })

  it('refuses pages of other origins unless they are allowed', async () => {
    await start({ cors: ['https://friend.example'] })
    const knock = (origin: string) =>
      fetch(`${urlOf()}/socket.io/?EIO=4&transport=polling`, { headers: { origin } }).then(({ status }) => status)
    expect(await knock('https://stranger.example')).toBe(403)
    expect(await knock('https://friend.example')).toBe(200)
    expect(await knock(urlOf())).toBe(200)
  })

  it('refuses connections beyond its bound', async () => {
    await start({ limits: { maxConnectionsPerAddress: 1 } })
    const first = await connect()
    await expect(connect()).rejects.toThrow(/too many connections/)
    expect(await first.send('join', { room: ROOM, profile: profileOf('a'), links: [] })).toMatchObject({ ok: true })
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the condition did not come true')
}
