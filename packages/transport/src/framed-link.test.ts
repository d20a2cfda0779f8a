import { deviceId, planId, requestId, seededRandom, VirtualClock } from '@roomful/core'
import type { PeerMessage } from '@roomful/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BundlingChannel } from './bundling-channel.ts'
import { FramedLink } from './framed-link.ts'
import { StripedChannel } from './striped-channel.ts'
import { loopbackPair } from './testing/loopback.ts'
import { pacedPair } from './testing/paced-channel.ts'

const message = (bytes: number): PeerMessage => ({
  type: 'request',
  id: 1,
  kind: 'probe',
  body: { replyBytes: 0, blobs: [new Uint8Array(bytes)] },
})

const featureOf = (volume: number, bytes: number) =>
  ({
    type: 'notice',
    kind: 'feature',
    body: {
      requestId: requestId(`request-${volume}`),
      planId: planId('plan'),
      initiator: deviceId('a'),
      volume,
      shards: [volume],
      exits: [],
      remainingMs: volume,
      encoding: 'feature',
      blobs: [new Uint8Array(bytes).fill(volume)],
    },
  }) as const satisfies PeerMessage

/** Two ends with bundles, and a second lane that is added on demand. */
function pair(clock: VirtualClock, mbitPerSecond: number) {
  const pace = { mbitPerSecond, delayMs: 5, stalled: false }
  const first = pacedPair(clock, { ...pace })
  const second = pacedPair(clock, { ...pace })
  const ends = ([0, 1] as const).map((index) => {
    const channel = new StripedChannel(new BundlingChannel(first[index]), clock)
    const lane = new BundlingChannel(second[index])
    channel.listen(lane)
    const whole = { count: 0 }
    const got: PeerMessage[] = []
    const link = new FramedLink({
      channel,
      clock,
      onMessage: (one) => got.push(one),
      onOffence: (error) => expect.fail(error.message),
      onClose: (error) => expect.fail(error.message),
      onWhole: () => whole.count++,
    })
    return { channel, lane, link, whole, got }
  })
  const [a = expect.fail(), b = expect.fail()] = ends
  return { a, b, second }
}

describe('the slices of a framed link', () => {
  it('are counted alike at both ends, with bundles, dropped messages and a second lane that comes and breaks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.nat(60), fc.nat(60), async (seed, addAt, breakAt) => {
        const clock = new VirtualClock()
        const random = seededRandom(seed)
        const { a, b, second } = pair(clock, 20)
        for (let i = 0; i < 60; i++) {
          if (i === addAt) {
            a.channel.add(a.lane)
            b.channel.add(b.lane)
          }
          if (i === breakAt && i > addAt) {
            for (const lane of second) lane.pace.stalled = true
            for (const end of [a, b]) end.channel.remove()
          }
          const [from, to] = random.next() < 0.5 ? [a, b] : [b, a]
          const controller = new AbortController()
          const priority = random.next() < 0.3 ? 'control' : 'bulk'
          const bytes = random.next() < 0.6 ? random.int(2000) : random.int(300_000)
          void from.link.send(message(bytes), { priority, signal: controller.signal })?.catch(() => {})
          if (random.next() < 0.3) clock.after(random.int(20), () => controller.abort(new Error('given up')))
          await clock.advance(random.int(12))
          expect(to.link.slices.received).toBeLessThanOrEqual(from.link.slices.sent)
        }
        await clock.advance(60_000)
        expect(b.link.slices.received).toBe(a.link.slices.sent)
        expect(a.link.slices.received).toBe(b.link.slices.sent)
        for (const end of [a, b]) {
          expect(end.link.unsentBytes).toBe(0)
          expect(end.whole.count).toBeLessThanOrEqual(end.got.length)
        }
      }),
      { seed: 20261121, numRuns: 40 },
    )
  })

  it('are small for a message that is alone, and long while messages of some size follow one another unanswered', async () => {
    const clock = new VirtualClock()
    const channels = loopbackPair()
    const [a = expect.fail(), b = expect.fail()] = channels.map(
      (channel) =>
        new FramedLink({
          channel,
          clock,
          onMessage: () => {},
          onOffence: (error) => expect.fail(error.message),
          onClose: (error) => expect.fail(error.message),
          idleRttMs: () => 1,
        }),
    )
    const slicesOf = async (waitMs: number, answer = false) => {
      const before = a.slices.sent
      void a.send(message(24 << 10), { priority: 'feature' })
      channels[0].drain()
      if (answer) void b.send(message(10), { priority: 'feature' })
      channels[1].drain()
      await clock.advance(waitMs)
      return a.slices.sent - before
    }
    expect(await slicesOf(2)).toBe(6)
    expect(await slicesOf(9)).toBe(2)
    expect(await slicesOf(10)).toBe(2)
    expect(await slicesOf(1, true)).toBe(6)
    expect(await slicesOf(1)).toBe(6)
    expect(await slicesOf(1)).toBe(2)
  })

  it('carry every feature notice with its own head, whether it left at once or waited', async () => {
    const clock = new VirtualClock()
    const { a, b } = pair(clock, 20)
    const sent = Array.from({ length: 40 }, (_, index) => featureOf(index, index % 3 === 0 ? 200_000 : 1000))
    for (const notice of sent) {
      void a.link.send(notice, { priority: 'feature' })
      if (notice.body.volume % 5 === 0) await clock.advance(300)
    }
    await clock.advance(10_000)
    expect(b.got).toEqual(sent)
  })

  it('tell of a whole message when no other is half here', async () => {
    const clock = new VirtualClock()
    const { a, b } = pair(clock, 20)
    void a.link.send(message(300_000), { priority: 'bulk' })
    await clock.advance(20)
    void a.link.send(message(100), { priority: 'control' })
    await clock.advance(50)
    expect([b.got.length, b.whole.count]).toEqual([1, 0])
    await clock.advance(1000)
    expect([b.got.length, b.whole.count]).toEqual([2, 1])
  })
})
