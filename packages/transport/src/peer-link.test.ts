import { deviceId, VirtualClock } from '@roomful/core'
import { encodeMessage, type PeerMessage, SliceCutter } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import { FLOW_LIMITS } from './flow-controlled-channel.ts'
import { FramedLink } from './framed-link.ts'
import { HandlerTable } from './handlers.ts'
import { PeerLink, type PeerLinkLimits } from './peer-link.ts'
import { TransportError } from './room.ts'
import { type LoopbackChannel, loopbackPair } from './testing/loopback.ts'
import type { RateSample } from './transfer-meter.ts'

function end(channel: LoopbackChannel, clock: VirtualClock, limits?: PeerLinkLimits) {
  const handlers = new HandlerTable(() => {})
  const abuse: TransportError[] = []
  const closed: string[] = []
  const rates: RateSample[] = []
  const link = new FramedLink({
    channel,
    clock,
    onMessage: (message) => peerLink.receive(message),
    onOffence: (error) => peerLink.offence('malformed', error.message),
    onClose: (error) => {
      closed.push(error.message)
      peerLink.end(error)
    },
    onRate: (rate) => rates.push(rate),
  })
  const peerLink = new PeerLink({
    peer: deviceId('other'),
    link,
    clock,
    handlers,
    onAbuse: (error) => {
      abuse.push(error)
      peerLink.end(error)
    },
    ...(limits === undefined ? {} : { limits }),
  })
  return { handlers, peerLink, abuse, closed, rates }
}

function setup(limits?: PeerLinkLimits) {
  const clock = new VirtualClock()
  const [ca, cb] = loopbackPair((drain) => void clock.after(1, drain))
  return { clock, ca, cb, a: end(ca, clock, limits), b: end(cb, clock, limits) }
}

/** Puts raw bytes of any message on the wire. */
function inject(channel: LoopbackChannel, message: unknown, messageId = 99): void {
  const encoded = encodeMessage(message as PeerMessage)
  for (const slice of new SliceCutter(encoded, { messageId, priority: 0, maxSliceBytes: 1 << 14 })) channel.send(slice)
}

const reason = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'answered',
    (error: unknown) => (error instanceof TransportError ? error.reason : String(error)),
  )

describe('peer link', () => {
  it('leaves nothing open after questions that were answered, failed, timed out or aborted', async () => {
    const { clock, a, b } = setup()
    b.handlers.handle('cacheGet', async (body) => {
      const { key } = body as { key: string }
      if (key === 'fail') throw new Error('no')
      if (key === 'never') return new Promise(() => {})
      return { hit: false }
    })
    const controller = new AbortController()
    const ask = (key: string, signal?: AbortSignal) =>
      reason(a.peerLink.request('cacheGet', { key }, { timeoutMs: 50, signal }))
    const all = Promise.all([ask('yes'), ask('fail'), ask('never'), ask('never', controller.signal)])
    await clock.advance(10)
    expect(b.peerLink.open.incoming).toBe(2)
    controller.abort('enough')
    expect(await clock.runUntil(all)).toEqual(['answered', 'Error: no', 'timeout', 'enough'])
    await clock.advance(10)
    expect(a.peerLink.open).toEqual({ outgoing: 0, incoming: 0 })
    expect(b.peerLink.open).toEqual({ outgoing: 0, incoming: 0 })
    expect(clock.pending).toBe(0)
  })

  it('refuses more questions than it works on at once, on both sides', async () => {
    const { clock, a, b } = setup({ incoming: 2, outgoing: 3, offences: 8 })
    b.handlers.handle('cacheGet', () => new Promise(() => {}))
    const ask = () => reason(a.peerLink.request('cacheGet', { key: 'k' }, { timeoutMs: 100 }))
    const all = Promise.all([ask(), ask(), ask(), ask()])
    expect(await clock.runUntil(all)).toEqual([
      'timeout',
      'timeout',
      expect.stringContaining('already in work'),
      'rejected',
    ])
  })

  it('takes a malformed reply for an error of the asked, not for an answer', async () => {
    const { clock, a, b } = setup()
    b.handlers.handle('cacheGet', async () => ({ nonsense: 1 }) as never)
    expect(await clock.runUntil(reason(a.peerLink.request('cacheGet', { key: 'k' }, { timeoutMs: 100 })))).toBe(
      'malformed',
    )
  })

  it('survives single malformed messages and ends the link when they go on', async () => {
    const { clock, ca, a, b } = setup()
    for (let i = 0; i < 7; i++) inject(ca, { type: 'notice', kind: 'load', body: { load: 7, queued: -1 } }, 100 + i)
    await clock.advance(5)
    b.handlers.handle('cacheGet', async () => ({ hit: true }))
    expect(await clock.runUntil(reason(a.peerLink.request('cacheGet', { key: 'k' }, { timeoutMs: 100 })))).toBe(
      'answered',
    )
    inject(ca, { type: 'request', id: 1, kind: 'format-disk', body: {} }, 200)
    await clock.advance(5)
    expect(b.abuse.map((error) => error.reason)).toEqual(['malformed'])
    expect(a.closed).toHaveLength(1)
  })

  it('counts answers to questions that were never asked, second hellos and repeated ids', async () => {
    const { clock, ca, b } = setup({ incoming: 8, outgoing: 8, offences: 3 })
    b.handlers.handle('cacheGet', () => new Promise(() => {}))
    inject(ca, { type: 'reply', id: 5, body: {} }, 100)
    inject(ca, { type: 'request', id: 1, kind: 'cacheGet', body: { key: 'k' } }, 101)
    inject(ca, { type: 'request', id: 1, kind: 'cacheGet', body: { key: 'k' } }, 102)
    inject(ca, { type: 'hello', version: 1, device: 'x', nonce: 'n'.repeat(22) }, 103)
    await clock.advance(5)
    expect(b.abuse).toHaveLength(1)
  })

  it('ends the link at broken framing', async () => {
    const { clock, ca, a, b } = setup()
    const open = reason(a.peerLink.request('cacheGet', { key: 'k' }, { timeoutMs: 1000 }))
    ca.send(new Uint8Array(40))
    expect(await clock.runUntil(open)).toBe('disconnected')
    expect(b.closed[0]).toContain('unknown header')
  })

  it('refuses a message that claims more than the limit before any of it is kept', async () => {
    const { clock, ca, b } = setup()
    const slice = new Uint8Array(24)
    const view = new DataView(slice.buffer)
    view.setUint8(0, 0x52)
    view.setUint32(4, 1, true)
    view.setUint32(12, 0x7fff_ffff, true)
    ca.send(slice)
    await clock.advance(5)
    expect(b.closed[0]).toContain('at most')
  })

  it('measures the rate of a large message that crosses it anyway', async () => {
    const clock = new VirtualClock()
    const [ca, cb] = loopbackPair()
    const a = end(ca, clock)
    const b = end(cb, clock)
    const blobs = [new Uint8Array(1 << 20)]
    const sent = a.peerLink.notify('cacheIndex', { added: [], removed: [], blobs }, { timeoutMs: 60_000 })
    while (ca.waiting.length > 0) {
      ca.drain(1)
      await clock.advance(2)
    }
    await sent
    const slicesAtThatPace = (FLOW_LIMITS.sliceBytes * 8) / 2000
    expect(b.rates).toHaveLength(1)
    expect((b.rates[0]?.mbitPerSecond ?? 0) / slicesAtThatPace).toBeCloseTo(1, 1)
  })
})
