import { describe, expect, it } from 'vitest'
import { KindLearning } from './kind-learning.ts'

describe('what plans of a kind take over what was predicted', () => {
  it('is known after the first mean, and follows the next ones by steps', () => {
    const kinds = new KindLearning()
    expect(kinds.factor('cut')).toBe(1)
    kinds.observe('cut', 200, 100)
    expect(kinds.factor('cut')).toBeCloseTo(2)
    for (let mean = 0; mean < 20; mean++) kinds.observe('cut', 120, 100)
    expect(kinds.factor('cut')).toBeCloseTo(1.2, 2)
    kinds.observe('cut', 400, 100)
    expect(kinds.factor('cut')).toBeGreaterThan(1.3)
    expect(kinds.factor('cut')).toBeLessThan(2)
  })

  it('stays within a half and four times, and takes no number that is no time', () => {
    const kinds = new KindLearning()
    kinds.observe('slow', 1e6, 1)
    expect(kinds.factor('slow')).toBeCloseTo(4)
    kinds.observe('fast', 1, 1e6)
    expect(kinds.factor('fast')).toBeCloseTo(0.5)
    for (const [ms, predicted] of [
      [Number.NaN, 1],
      [1, Number.POSITIVE_INFINITY],
      [0, 1],
      [1, 0],
    ] as const)
      kinds.observe('odd', ms, predicted)
    expect(kinds.has('odd')).toBe(false)
  })

  it('fades while other kinds are asked, so that what was slow once is tried again', () => {
    const kinds = new KindLearning()
    kinds.observe('cut', 200, 100)
    for (let mean = 0; mean < 34; mean++) kinds.observe('local', 100, 100)
    expect(Math.log2(kinds.factor('cut'))).toBeCloseTo(0.5, 1)
  })

  it('remembers so many kinds and no more, the oldest going first', () => {
    const kinds = new KindLearning()
    for (let kind = 0; kind < 100; kind++) kinds.observe(`${kind}`, 2, 1)
    expect([...kinds.kinds]).toHaveLength(64)
    expect(kinds.has('0')).toBe(false)
    expect(kinds.has('99')).toBe(true)
  })
})
