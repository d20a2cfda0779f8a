import { VirtualClock } from '@roomful/core'
import type { PeerMessage } from '@roomful/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FramedLink } from './framed-link.ts'
import { SendWindow } from './send-window.ts'
import { pacedPair } from './testing/paced-channel.ts'

const KIB = 1024

const message = (id: number, bytes: number): PeerMessage => ({
  type: 'request',
  id,
  kind: 'probe',
  body: { replyBytes: 0, blobs: [new Uint8Array(bytes)] },
})

/** One way between two links; words of arrival take `delayMs` and are lost where `isLost` says so. */
function oneWay(clock: VirtualClock, delayMs: number, isLost: () => boolean) {
  const [here, there] = pacedPair(clock, { mbitPerSecond: 800, delayMs, stalled: false })
  const got: number[] = []
  const underWay = { sent: 0, most: 0 }
  const fail = (error: Error) => expect.fail(error.message)
  const sender = new FramedLink({
    channel: here,
    clock,
    onMessage: () => {},
    onOffence: fail,
    onClose: fail,
    tell: () => {},
  })
  const handOver = here.send.bind(here)
  here.send = (bytes) => {
    underWay.sent += bytes.byteLength
    underWay.most = Math.max(underWay.most, underWay.sent - receiver.slices.receivedBytes)
    handOver(bytes)
  }
  const told = () => {
    if (isLost()) return
    const { received } = receiver.slices
    clock.after(delayMs, () => sender.arrived(received))
  }
  const receiver = new FramedLink({
    channel: there,
    clock,
    onMessage: (one) => got.push(one.type === 'request' ? one.id : -1),
    onOffence: fail,
    onClose: fail,
    tell: told,
  })
  return { sender, got, underWay, beat: told }
}

describe('a send window', () => {
  it('holds back what is more than 256 KiB until the peer tells of arrivals', () => {
    const window = new SendWindow({ rttMs: () => undefined, mbitPerSecond: () => undefined })
    for (let count = 0; count < 16; count++) {
      expect(window.hasRoom(16 * KIB)).toBe(true)
      window.sent(16 * KIB)
    }
    expect(window.hasRoom(1)).toBe(false)
    window.arrived(2)
    expect(window.bytes).toBe(224 * KIB)
    expect(window.hasRoom(32 * KIB)).toBe(true)
  })

  it('is wider where the link holds more: 100 Mbit/s and 60 ms', () => {
    const window = new SendWindow({ rttMs: () => 60, mbitPerSecond: () => 100 })
    window.sent(1_500_000)
    expect(window.hasRoom(200_000)).toBe(true)
    expect(window.hasRoom(300_000)).toBe(false)
  })

  it('lets a message pass that is longer than itself, alone', () => {
    const window = new SendWindow({ rttMs: () => undefined, mbitPerSecond: () => undefined })
    expect(window.hasRoom(400 * KIB)).toBe(true)
    window.sent(400 * KIB)
    expect(window.hasRoom(1)).toBe(false)
  })

  it('is not misled by older words, by those of nothing sent, nor by nonsense', () => {
    const window = new SendWindow({ rttMs: () => undefined, mbitPerSecond: () => undefined })
    window.arrived(7)
    window.sent(10)
    window.sent(20)
    window.arrived(1)
    window.arrived(0)
    window.arrived(Number.NaN)
    expect(window.bytes).toBe(20)
    window.arrived(1000)
    expect(window.bytes).toBe(0)
    window.sent(5)
    window.arrived(2)
    expect(window.bytes).toBe(5)
    window.arrived(3)
    expect(window.bytes).toBe(0)
  })

  it('delivers everything in order, never with more than the window under way, whatever words of arrival are lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 700 * KIB }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 40 }),
        fc.infiniteStream(fc.boolean()),
        async (sizes, delayMs, losses) => {
          const clock = new VirtualClock()
          const { sender, got, underWay, beat } = oneWay(clock, delayMs, () => losses.next().value === true)
          const accepted = sizes.map((bytes, id) => sender.send(message(id, bytes), { priority: 'feature' }))
          // The heartbeat's own pace, as long as something is missing.
          for (let round = 0; round < 2000 && got.length < sizes.length; round++) {
            await clock.advance(200)
            beat()
          }
          await Promise.all(accepted)
          expect(got).toEqual(sizes.map((_, id) => id))
          expect(underWay.most).toBeLessThanOrEqual(256 * KIB)
        },
      ),
      { numRuns: 60 },
    )
  })
})
