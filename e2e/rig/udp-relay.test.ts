import { createSocket, Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { seededRandom } from '@roomful/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { UdpRelay } from './udp-relay.ts'

afterEach(() => vi.restoreAllMocks())

async function socket(): Promise<Socket> {
  const own = createSocket('udp4').bind(0, '127.0.0.1')
  await once(own, 'listening')
  return own
}

/** The next socket that is bound fails, as where no file can be opened any more. */
function failNextBind(): void {
  vi.spyOn(Socket.prototype, 'bind').mockImplementationOnce(function (this: Socket) {
    queueMicrotask(() => this.emit('error', new Error('EMFILE')))
    return this
  })
}

describe('UdpRelay', () => {
  it('loses a datagram for which no socket could be bound, and passes on the next one', async () => {
    await using relay = new UdpRelay({ delayMs: 0 }, { random: seededRandom(1) })
    const [a, b] = [await socket(), await socket()]
    const front = await relay.portFor('127.0.0.1', (b.address() as AddressInfo).port)
    const closed = vi.spyOn(Socket.prototype, 'close')
    failNextBind()
    a.send('lost', front, '127.0.0.1')
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
    a.send('passed', front, '127.0.0.1')
    const [data] = (await once(b, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer]
    expect(data.toString()).toBe('passed')
    a.close()
    b.close()
  })

  it('closes a socket whose bind ends after the relay was closed', async () => {
    const relay = new UdpRelay({ delayMs: 0 }, { random: seededRandom(1) })
    const closed = vi.spyOn(Socket.prototype, 'close')
    const port = relay.portFor('127.0.0.1', 9)
    void relay[Symbol.asyncDispose]()
    await expect(port).rejects.toThrow('closed')
    expect(closed).toHaveBeenCalledOnce()
  })
})
