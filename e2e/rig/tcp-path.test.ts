import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { sleep, systemClock } from '@roomful/core'
import { afterEach, describe, expect, it } from 'vitest'
import { TcpPath } from './tcp-path.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each()
})

/** A path to a server that sends everything back. */
const echoPath = (): Promise<TcpPath> => pathTo((socket) => socket.pipe(socket))

async function pathTo(serve: (socket: Socket) => unknown): Promise<TcpPath> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const path = await TcpPath.open(() => (server.address() as AddressInfo).port)
  undo.push(
    () => server.close(),
    () => path[Symbol.asyncDispose](),
  )
  return path
}

async function client(path: TcpPath): Promise<Socket> {
  const socket = connect(path.port, '127.0.0.1')
  socket.on('error', () => {})
  undo.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function echoed(socket: Socket, text: string): Promise<string> {
  let out = ''
  socket.write(text)
  while (out.length < text.length)
    out += String((await once(socket, 'data', { signal: AbortSignal.timeout(5_000) }))[0])
  return out
}

/** More than the system's own buffers take. */
const MANY_BYTES = 64 << 20

const isOver = (work: Promise<void>, withinMs: number): Promise<boolean> =>
  Promise.race([work.then(() => true), sleep(systemClock, withinMs).then(() => false)])

describe('TcpPath', () => {
  it('passes on what comes, in both directions', async () => {
    const socket = await client(await echoPath())
    expect(await echoed(socket, 'hello')).toBe('hello')
  })

  it('delays without changing the order', async () => {
    const path = await echoPath()
    const socket = await client(path)
    path.delay(30)
    const startMs = performance.now()
    const first = echoed(socket, 'one ')
    expect(await first).toBe('one ')
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(58)
    socket.write('two ')
    path.delay(0)
    expect(await echoed(socket, 'three')).toContain('two ')
  })

  it('lets the sender wait for a slow reader, and then brings everything', async () => {
    const readers: Socket[] = []
    const path = await pathTo((socket) => readers.push(socket))
    const sender = await client(path)
    const sent = new Promise<void>((resolve) => sender.write(Buffer.alloc(MANY_BYTES), () => resolve()))
    expect(await isOver(sent, 500)).toBe(false)
    let bytes = 0
    readers[0]?.on('data', (chunk) => {
      bytes += chunk.length
    })
    await sent
    sender.end()
    await once(sender, 'end', { signal: AbortSignal.timeout(5_000) })
    expect(bytes).toBe(MANY_BYTES)
  })

  it('lets the sender wait when much is delayed', async () => {
    const path = await pathTo((socket) => socket.resume())
    path.delay(1_000)
    const sender = await client(path)
    const sent = new Promise<void>((resolve) => sender.write(Buffer.alloc(MANY_BYTES), () => resolve()))
    expect(await isOver(sent, 500)).toBe(false)
  })

  it('ends connections when it is cut, refuses new ones, and passes again when it is restored', async () => {
    const path = await echoPath()
    const socket = await client(path)
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(5_000) })
    path.cut()
    await closed
    const refused = await client(path)
    if (!refused.destroyed) await once(refused, 'close', { signal: AbortSignal.timeout(5_000) })
    path.restore()
    expect(await echoed(await client(path), 'again')).toBe('again')
  })
})
