import { gaussian, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { mean, meanInterval, pairedRatio, percentile } from './statistics.ts'

describe('statistics of the room benchmark', () => {
  it('takes the nearest rank as percentile', () => {
    const values = Array.from({ length: 20 }, (_, i) => 20 - i)
    expect(percentile(values, 0.95)).toBe(19)
    expect(percentile(values, 0.5)).toBe(10)
    expect(percentile([7], 0.95)).toBe(7)
    expect(percentile([], 0.95)).toBeNaN()
  })

  it('gives the interval of the textbook', () => {
    // Mean 5, standard deviation sqrt(10/4), t(4) = 2.776.
    const [low, high] = meanInterval([3, 4, 5, 6, 7])
    expect(low).toBeCloseTo(5 - 2.776 * Math.sqrt(2.5 / 5), 10)
    expect(high).toBeCloseTo(5 + 2.776 * Math.sqrt(2.5 / 5), 10)
    expect(meanInterval([5])).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
  })

  it('covers the true mean about 95 times in 100', () => {
    const random = seededRandom(3)
    let covered = 0
    for (let run = 0; run < 2000; run++) {
      const [low, high] = meanInterval(Array.from({ length: 5 }, () => 10 + gaussian(random)))
      if (low <= 10 && 10 <= high) covered++
    }
    expect(covered / 2000).toBeGreaterThan(0.93)
    expect(covered / 2000).toBeLessThan(0.97)
  })

  it('compares within the blocks, so that a slow spell of the machine cancels out', () => {
    const machine = [1, 3, 1.5, 8]
    const { ratio, interval } = pairedRatio(
      machine.map((slow) => 40 * slow),
      machine.map((slow) => 100 * slow),
    )
    expect(ratio).toBeCloseTo(0.4, 10)
    expect(interval[0]).toBeCloseTo(0.4, 10)
    expect(interval[1]).toBeCloseTo(0.4, 10)
    expect(mean([1, 2, 6])).toBe(3)
  })
})
