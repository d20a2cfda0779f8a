import { seededRandom } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shareOfRange } from './compare.ts'
import { rowsOf, unevenStrips } from './strips.ts'

const map = (dims: number[], values: readonly number[]): FeatureMap => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from(values),
})

describe('shareOfRange', () => {
  it('is the largest difference over the range', () => {
    expect(shareOfRange(map([3], [0, 5, 10]), map([3], [0, 4, 10]))).toBeCloseTo(0.1, 6)
    expect(shareOfRange(map([3], [0, 4, 10]), map([3], [0, 4, 10]))).toBe(0)
  })

  it('judges a constant tensor by a hundredth of its size', () => {
    expect(shareOfRange(map([2], [100.5, 100]), map([2], [100, 100]))).toBeCloseTo(0.5, 6)
  })

  it('is infinite for other sizes, other types, and numbers that are lost', () => {
    expect(shareOfRange(map([2], [1, 2]), map([3], [1, 2, 3]))).toBe(Number.POSITIVE_INFINITY)
    expect(shareOfRange(map([2], [Number.NaN, 2]), map([2], [1, 2]))).toBe(Number.POSITIVE_INFINITY)
    expect(shareOfRange(map([2], [Number.NaN, 2]), map([2], [Number.NaN, 2]))).toBe(0)
    const whole: FeatureMap = { dtype: 'int32', dims: [1], data: Int32Array.of(1) }
    expect(shareOfRange(whole, map([1], [1]))).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('strips', () => {
  it('cover all rows in order, none empty', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 60 }), fc.integer({ min: 2, max: 4 }), fc.nat(), (rows, count, seed) => {
        const strips = unevenStrips(rows, count, seededRandom(seed))
        expect(strips).toHaveLength(count)
        expect(strips[0]?.start).toBe(0)
        expect(strips.at(-1)?.end).toBe(rows)
        for (const [i, { start, end }] of strips.entries()) {
          expect(end).toBeGreaterThan(start)
          if (i > 0) expect(start).toBe(strips[i - 1]?.end)
        }
      }),
      { seed: 9, numRuns: 200 },
    )
  })

  it('cut rows out of every plane', () => {
    const source = map([1, 2, 3, 2], [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15])
    const rows = rowsOf(source, { start: 1, end: 3 })
    expect(rows.dims).toEqual([1, 2, 2, 2])
    expect([...rows.data].map(Number)).toEqual([2, 3, 4, 5, 12, 13, 14, 15])
  })
})
