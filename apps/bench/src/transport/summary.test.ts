import { describe, expect, it } from 'vitest'
import { median, medianInterval, type Row, summarise } from './summary.ts'

const row = (contender: string, goodputMBps: number, echoMs: number, repetition = 0): Row => ({
  contender,
  delayMs: 0,
  bytes: 4096,
  repetition,
  goodputMBps,
  echoMs,
})

describe('transport summary', () => {
  it('compares within each repetition and takes the median of the ratios', () => {
    const rows = [
      // The machine was twice as slow in the second repetition: the ratio does not see it.
      ...[9, 5, 10].map((rate, i) => row('roomful', rate, 10 / rate, i)),
      ...[10, 5, 10].map((rate, i) => row('raw-16', rate, 8 / rate, i)),
      row('raw-64', 12.5, 2, 0),
      row('peerjs', 4.5, 20 / 9, 0),
    ]
    const summary = summarise(rows)['0']
    expect(summary?.goodputRatioToRaw['4096']).toBeCloseTo(1)
    expect(summary?.echoRatioToRaw['4096']).toBeCloseTo(1.25)
    expect(summary?.goodputRatioToPeerJS['4096']).toBeCloseTo(2)
    expect(summary?.echoRatioToPeerJS['4096']).toBeCloseTo(0.5)
    expect(summary?.medians['4096']?.['raw-64']).toEqual({ goodputMBps: 12.5, echoMs: 2 })
  })

  it('gives each ratio an interval that holds it, narrow where repetitions agree', () => {
    const [low, high] = medianInterval([0.9, 1, 1.1, 0.95, 1.05, 1, 1])
    expect(low).toBeGreaterThanOrEqual(0.9)
    expect(low).toBeLessThanOrEqual(1)
    expect(high).toBeGreaterThanOrEqual(1)
    expect(medianInterval([2, 2, 2])).toEqual([2, 2])
    const rows = [0, 1, 2].flatMap((i) => [row('roomful', 8, 2, i), row('raw-16', 10, 2, i)])
    expect(summarise(rows)['0']?.intervals.goodputRatioToRaw['4096']).toEqual([0.8, 0.8])
  })

  it('takes the middle of two for an even number', () => {
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(median([])).toBeNaN()
  })
})
