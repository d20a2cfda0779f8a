import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { centre, median, type Row, summarise } from './summary.ts'

const row = (contender: string, goodputMBps: number, echoMs: number, repetition = 0): Row => ({
  contender,
  delayMs: 0,
  bytes: 4096,
  repetition,
  goodputMBps,
  echoMs,
  turns: { goodputMs: [10 / goodputMBps, 10 / goodputMBps], echoMs: [echoMs] },
})

describe('transport summary', () => {
  it('compares within each turn', () => {
    const rows = [
      // The machine was twice as slow in the second repetition: the ratio does not see it.
      ...[11, 5, 9].map((rate, i) => row('roomful', rate, 10 / rate, i)),
      ...[10, 5, 10].map((rate, i) => row('raw-16', rate, 8 / rate, i)),
      row('raw-64', 12.5, 2, 0),
      row('peerjs', 4.5, 20 / 9, 0),
    ]
    const summary = summarise(rows)['0']
    expect(summary?.goodputRatioToRaw['4096']).toBeCloseTo(1, 1)
    expect(summary?.echoRatioToRaw['4096']).toBeCloseTo(1.25, 1)
    expect(summary?.goodputRatioToPeerJS['4096']).toBeCloseTo(11 / 4.5)
    expect(summary?.echoRatioToPeerJS['4096']).toBeCloseTo(10 / 11 / (20 / 9))
    expect(summary?.medians['4096']?.['raw-64']).toEqual({ goodputMBps: 12.5, echoMs: 2 })
  })

  it('gives each ratio an interval that holds it, narrow where turns agree', () => {
    const {
      value,
      interval: [low, high],
    } = centre([0.9, 1, 1.1, 0.95, 1.05, 1, 1])
    expect(value).toBeCloseTo(1, 2)
    expect(low).toBeGreaterThanOrEqual(0.9)
    expect(low).toBeLessThanOrEqual(1)
    expect(high).toBeGreaterThanOrEqual(1)
    expect(centre([2, 2, 2]).interval).toEqual([2, 2].map((ratio) => expect.closeTo(ratio)))
    const rows = [0, 1, 2].flatMap((i) => [row('roomful', 8, 2, i), row('raw-16', 10, 2, i)])
    const interval = summarise(rows)['0']?.intervals.goodputRatioToRaw['4096']
    expect(interval).toEqual([0.8, 0.8].map((ratio) => expect.closeTo(ratio)))
  })

  it('finds the true ratio among outliers, and its interval does so 19 times of 20', () => {
    const random = seededRandom(4)
    const ratio = () => 0.9 * Math.exp(random.next() + random.next() + random.next() - 1.5)
    let held = 0
    for (let run = 0; run < 200; run++) {
      const { interval } = centre(Array.from({ length: 40 }, () => (random.next() < 0.02 ? 30 : ratio())))
      if (interval[0] <= 0.9 && interval[1] >= 0.9) held++
    }
    expect(held).toBeGreaterThanOrEqual(180)
    expect(centre(Array.from({ length: 60 }, ratio)).value).toBeCloseTo(0.9, 0)
  })

  it('takes the middle of two for an even number', () => {
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(median([])).toBeNaN()
  })
})
