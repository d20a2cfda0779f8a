import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { LinkQuality } from './link-quality.ts'
import { startWindowDelayMs } from './testing/start-window.ts'
import { TransferMeter } from './transfer-meter.ts'

describe('link quality', () => {
  it('tells the room of the first figures and of real changes, not of noise', () => {
    const quality = new LinkQuality()
    expect(quality.rate(100)).toBe(true)
    expect(quality.rate(104)).toBe(false)
    expect(quality.roundTrip(20)).toBe(true)
    expect(quality.roundTrip(21)).toBe(false)
    const told = Array.from({ length: 20 }, () => quality.rate(10))
    expect(told.filter(Boolean).length).toBeGreaterThan(2)
    expect(quality.mbitPerSecond).toBeLessThan(11)
  })
})

describe('transfer meter', () => {
  it('measures large transfers only', () => {
    const rates: number[] = []
    const clock = new VirtualClock()
    const meter = new TransferMeter(clock, (rate) => rates.push(rate))
    meter.received(1000, true)
    meter.received(1000, false)
    expect(rates).toEqual([])
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
