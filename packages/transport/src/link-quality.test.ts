import { VirtualClock } from '@roomful/core'
import type { PeerMessage } from '@roomful/protocol'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBeat, encodeBeat } from './beat.ts'
import { FramedLink } from './framed-link.ts'
import { Heartbeat } from './heartbeat.ts'
import { LinkQuality } from './link-quality.ts'
import { Pulse } from './pulse.ts'
import { RateEstimate } from './rate-estimate.ts'
import { type Pace, pacedPair } from './testing/paced-channel.ts'
import { startWindowDelayMs } from './testing/start-window.ts'
import { type RateSample, TransferMeter } from './transfer-meter.ts'

const sure = (mbitPerSecond: number): RateSample => ({ mbitPerSecond, conclusive: true })

describe('link quality', () => {
  it('tells the room of the first figures and of real changes, not of noise', () => {
    const quality = new LinkQuality(new VirtualClock())
    expect(quality.received(sure(100))).toBe(true)
    expect(quality.received(sure(104))).toBe(false)
    expect(quality.roundTrip(20)).toBe(true)
    expect(quality.roundTrip(21)).toBe(false)
  })

  it('tells a drift every six seconds, with the drifts of other links, and a jump at once', async () => {
    const clock = new VirtualClock()
    await clock.advance(5000)
    const links = [new LinkQuality(clock), new LinkQuality(clock)]
    const told: number[][] = [[], []]
    for (let step = 0; step < 300; step++) {
      links.forEach((link, i) => {
        if (link.told(50 + step / 2)) told[i]?.push(clock.now())
      })
      await clock.advance(100)
    }
    // A change of a tenth: it takes until 6.2 s.
    const everySpan = [5000, 6200, 12_000, 18_000, 24_000, 30_000]
    expect(told).toEqual([everySpan, everySpan])
    expect(links[0]?.told(20)).toBe(true)
    expect(links[0]?.told(21)).toBe(false)
    expect(links[0]?.told(41)).toBe(true)
  })

  it.each([200, 400])(
    'forgets the round trips of a way that has become longer within half a minute, one every %i ms',
    async (everyMs) => {
      const clock = new VirtualClock()
      const quality = new LinkQuality(clock)
      const trips = async (rttMs: number, forMs: number) => {
        for (let ms = 0; ms < forMs; ms += everyMs) {
          quality.roundTrip(rttMs)
          await clock.advance(everyMs)
        }
      }
      await trips(5, 40_000)
      await trips(45, 29_000)
      expect(quality.rttMs).toBe(5)
      await trips(45, 2000)
      expect(quality.rttMs).toBe(45)
      expect(quality.idleRttMs).toBe(45)
    },
  )

  it('keeps round trips of 20 s and more when beats follow one another closely, beside messages', async () => {
    const clock = new VirtualClock()
    const quality = new LinkQuality(clock)
    const trips = async (rttMs: number, forMs: number) => {
      for (let ms = 0; ms < forMs; ms += 10) {
        quality.roundTrip(rttMs)
        await clock.advance(10)
      }
    }
    await trips(5, 2000)
    await trips(20, 20_000)
    expect(quality.rttMs).toBe(5)
    await trips(20, 12_000)
    expect(quality.rttMs).toBe(20)
  })

  it('takes a way for a long one only where its round trips hardly vary: those of a page that starts or computes do', async () => {
    const after = async (trips: readonly number[]) => {
      const clock = new VirtualClock()
      const quality = new LinkQuality(clock)
      for (const rttMs of trips) {
        quality.roundTrip(rttMs)
        await clock.advance(200)
      }
      return quality.steadyRttMs
    }
    const long = Array.from({ length: 60 }, (_, index) => 41 + (index % 7) + (index % 10 === 0 ? 60 : 0))
    expect(await after(long)).toBe(41)
    expect(await after(long.slice(0, 31))).toBeUndefined()
    // As they were seen between two pages of a busy machine, 4 ms apart.
    const busy = Array.from({ length: 60 }, (_, index) => [61, 28, 88, 22, 46, 97][index % 6] ?? 0)
    expect(await after(busy)).toBeUndefined()
    // The medians that the rest goes by hide that.
    const clock = new VirtualClock()
    const quality = new LinkQuality(clock)
    for (const rttMs of busy) {
      quality.roundTrip(46, rttMs)
      await clock.advance(200)
    }
    expect(quality.idleRttMs).toBe(46)
    expect(quality.steadyRttMs).toBeUndefined()
    expect(await after([...busy, ...Array.from({ length: 160 }, () => 30)])).toBe(30)
  })

  it('plans with the slower direction and knows both', () => {
    const quality = new LinkQuality(new VirtualClock())
    quality.received(sure(90))
    expect(quality.figures).toEqual({ mbitPerSecond: 90, receiveMbitPerSecond: 90 })
    quality.told(20)
    expect(quality.figures).toEqual({ mbitPerSecond: 20, receiveMbitPerSecond: 90, sendMbitPerSecond: 20 })
  })

  it("takes a probe's own figures only until the meters have theirs", () => {
    const quality = new LinkQuality(new VirtualClock())
    quality.probed({ rttMs: 4, receiveMbitPerSecond: 30, sendMbitPerSecond: 40 })
    expect(quality.mbitPerSecond).toBe(30)
    quality.received(sure(95))
    quality.told(90)
    expect(quality.mbitPerSecond).toBe(90)
  })
})

describe('rate estimate', () => {
  const after = (...rates: readonly number[]): number | undefined => {
    const estimate = new RateEstimate(new VirtualClock())
    for (const rate of rates) estimate.add(sure(rate))
    return estimate.mbitPerSecond
  }

  it('is not pulled down by transfers that something else held up', () => {
    expect(after(5, 12, 95, 96, 7)).toBe(95)
  })

  it('is not lifted by one measurement that is too high', () => {
    expect(after(95, 96, 700, 94)).toBe(96)
  })

  it('follows a real drop after four transfers, and a rise after two', () => {
    expect(after(95, 96, 97, 95, 96, 10, 10, 10)).toBeGreaterThan(90)
    expect(after(95, 96, 97, 95, 96, 10, 10, 10, 10)).toBe(10)
    expect(after(10, 10, 10, 10, 10, 95, 95)).toBe(95)
  })

  it('lets a transfer that the congestion window held up say only that the link carries more', () => {
    const estimate = new RateEstimate(new VirtualClock())
    for (const rate of [50, 3, 3, 3, 3, 3, 3]) estimate.add({ mbitPerSecond: rate, conclusive: false })
    expect(estimate.mbitPerSecond).toBe(50)
  })

  it('lets old samples go once newer ones can stand for them', async () => {
    const clock = new VirtualClock()
    const estimate = new RateEstimate(clock)
    for (const rate of [90, 91]) estimate.add(sure(rate))
    await clock.advance(60_000)
    expect(estimate.mbitPerSecond).toBe(91)
    for (const rate of [10, 11, 12]) estimate.add(sure(rate))
    expect(estimate.mbitPerSecond).toBe(11)
    expect(estimate.fresh(1000)).toBe(3)
  })

  it('ignores what is no rate', () => {
    expect(after(Number.NaN, 0, -5, Number.POSITIVE_INFINITY)).toBeUndefined()
  })
})

/** Samples of the receiving end of a link at some pace. */
function meteredLink(pace: Partial<Pace> = {}) {
  const clock = new VirtualClock()
  const [here, there] = pacedPair(clock, { mbitPerSecond: 100, delayMs: 2, stalled: false, ...pace })
  const samples: RateSample[] = []
  const common = { clock, onMessage: () => {}, onOffence: () => {}, onClose: () => {} }
  const sender = new FramedLink({ ...common, channel: here })
  new FramedLink({ ...common, channel: there, onRate: (sample) => samples.push(sample), idleRttMs: () => 4 })
  const send = async (bytes: number) => {
    const body = { added: [], removed: [], blobs: [new Uint8Array(bytes)] }
    const message = { type: 'notice', kind: 'cacheIndex', body } as PeerMessage
    await clock.runUntil(Promise.resolve(sender.send(message, { priority: 'bulk' })))
    await clock.advance(200)
  }
  return { clock, here, samples, send }
}

describe('transfer meter', () => {
  it('measures large transfers only', async () => {
    const { samples, send } = meteredLink()
    await send(20_000)
    expect(samples).toEqual([])
    await send(200_000)
    expect(samples).toHaveLength(1)
  })

  it.each([5, 28, 100])('finds a link of %i Mbit/s within 5 %', async (mbitPerSecond) => {
    const { samples, send } = meteredLink({ mbitPerSecond })
    await send(300_000)
    expect(samples[0]?.mbitPerSecond).toBeGreaterThan(mbitPerSecond * 0.95)
    expect(samples[0]?.mbitPerSecond).toBeLessThan(mbitPerSecond * 1.05)
    expect(samples[0]?.conclusive).toBe(mbitPerSecond < 90)
  })

  it('does not count one pause of the sender', async () => {
    const { clock, here, samples, send } = meteredLink()
    clock.after(4, () => {
      here.pace.stalled = true
      clock.after(30, () => here.resume())
    })
    await send(1_000_000)
    expect(samples[0]?.mbitPerSecond).toBeGreaterThan(90)
    expect(samples[0]?.mbitPerSecond).toBeLessThan(105)
  })

  it('is not deceived by slices that waited for the receiving thread and came in one go', () => {
    const clock = new VirtualClock()
    let nowMs = 0
    const samples: RateSample[] = []
    const meter = new TransferMeter({ now: () => nowMs, after: clock.after.bind(clock) }, (s) => samples.push(s))
    // 100 slices of 4.6 KB, one each 0.37 ms (100 Mbit/s); the thread sleeps for 15 of every 20 ms.
    for (let i = 0; i < 100; i++) {
      const arrivesMs = i * 0.37
      const asleepUntilMs = arrivesMs % 20 < 15 ? arrivesMs - (arrivesMs % 20) + 15 : arrivesMs
      nowMs = Math.max(nowMs + 0.01, asleepUntilMs)
      meter.received(4608, i < 99)
    }
    expect(samples[0]?.mbitPerSecond).toBeGreaterThan(75)
    expect(samples[0]?.mbitPerSecond).toBeLessThan(130)
  })

  it('says nothing of a transfer that came all at once', () => {
    const samples: RateSample[] = []
    const meter = new TransferMeter(new VirtualClock(), (sample) => samples.push(sample))
    for (let i = 0; i < 100; i++) meter.received(4608, i < 99)
    expect(samples).toEqual([])
  })

  it('sees a falling rate while one long message is under way', async () => {
    const { clock, here, samples, send } = meteredLink()
    clock.after(500, () => {
      here.pace.mbitPerSecond = 10
    })
    await send(12 << 20)
    expect(samples.length).toBeGreaterThan(4)
    expect(samples[0]?.mbitPerSecond).toBeGreaterThan(90)
    expect(samples.at(-1)?.mbitPerSecond).toBeLessThan(11)
  })

  it('gives finite positive rates whatever arrives when', () => {
    const arrival = fc.record({
      gapMs: fc.double({ min: 0, max: 50, noNaN: true }),
      bytes: fc.nat(70_000),
      more: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 200 }), (arrivals) => {
        let nowMs = 0
        const clock = { now: () => nowMs, after: () => () => {} }
        const meter = new TransferMeter(clock, ({ mbitPerSecond }) => {
          expect(mbitPerSecond).toBeGreaterThan(0)
          expect(Number.isFinite(mbitPerSecond)).toBe(true)
        })
        for (const { gapMs, bytes, more } of arrivals) {
          nowMs += gapMs
          meter.received(bytes, more)
        }
      }),
      { seed: 3, numRuns: 300 },
    )
  })
})

describe('what a beat tells of the rate', () => {
  it('reaches the sender, who cannot see it otherwise', async () => {
    const clock = new VirtualClock()
    const told: number[] = []
    const a: Heartbeat = new Heartbeat({
      pulse: new Pulse(clock),
      send: (bytes) => void clock.after(1, () => b.receive(bytes)),
      onSilent: () => {},
      onRtt: () => {},
      onTold: (rate) => told.push(rate),
    })
    const b: Heartbeat = new Heartbeat({
      pulse: new Pulse(clock),
      send: (bytes) => void clock.after(1, () => a.receive(bytes)),
      onSilent: () => {},
      onRtt: () => {},
      receivedMbit: () => (clock.now() < 500 ? undefined : 42),
    })
    await clock.advance(1000)
    expect(new Set(told)).toEqual(new Set([42]))
    a.stop()
    b.stop()
  })

  it('is left out when it is no rate, and the beat still counts', () => {
    const beat = { sequence: 1, intervalMs: 200, sentAtMs: 1, echoSentAtMs: 2, echoHeldMs: 3 }
    for (const receivedMbit of [0, -1, 1e7, Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(decodeBeat(encodeBeat({ ...beat, receivedMbit }))).toEqual(beat)
    }
    expect(decodeBeat(encodeBeat({ ...beat, receivedMbit: 12.5 }))?.receivedMbit).toBe(12.5)
  })
})

describe('start window', () => {
  it('costs nothing for messages within the first window, and round trips beyond it', () => {
    const link = { rttMs: 40, bytesPerMs: 10_000, windowBytes: 12_000 }
    expect(startWindowDelayMs(12_000, link)).toBe(0)
    // 64 KB: windows of 12, 24 and 48 KB, so that two rounds wait for their acknowledgement.
    expect(startWindowDelayMs(64_000, link)).toBeCloseTo(40 - 1.2 + (40 - 2.4), 5)
    expect(startWindowDelayMs(1e6, { ...link, windowBytes: Number.POSITIVE_INFINITY })).toBe(0)
  })
})
