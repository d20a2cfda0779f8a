import { modelDigest, type Plan } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { KindLearning } from './kind-learning.ts'

const plan: Plan = {
  model: modelDigest('0'.repeat(64)),
  trunk: 'main',
  input: { kind: 'tensor' },
  volumes: [],
  exits: [],
  predicted: { latencyMs: 100, fullMs: 100, throughputPerSecond: 10, bytes: 0 },
  method: 'local',
}
const mean = (ms: number) => ({ plan, shares: [], ms })
const predict =
  (ms = 100) =>
  () =>
    ms

describe('what plans of a kind take over what was predicted', () => {
  it('is known after the first mean, and follows the next ones by steps', () => {
    const kinds = new KindLearning()
    expect(kinds.factor('cut', predict())).toBe(1)
    kinds.observe('cut', mean(200), predict())
    expect(kinds.factor('cut', predict())).toBeCloseTo(2)
    for (let count = 0; count < 20; count++) kinds.observe('cut', mean(120), predict())
    expect(kinds.factor('cut', predict())).toBeCloseTo(1.2, 2)
    kinds.observe('cut', mean(400), predict())
    expect(kinds.factor('cut', predict())).toBeGreaterThan(1.3)
    expect(kinds.factor('cut', predict())).toBeLessThan(2)
  })

  it('is less where speeds and messages have come to explain it', () => {
    const kinds = new KindLearning()
    kinds.observe('cut', mean(200), predict(100))
    expect(kinds.factor('cut', predict(160))).toBeCloseTo(1.25)
    expect(kinds.factors(predict(200))('cut')).toBeCloseTo(1)
  })

  it('stays within a half and four times, and takes no number that is no time', () => {
    const kinds = new KindLearning()
    kinds.observe('slow', mean(1e6), predict(1))
    expect(kinds.factor('slow', predict(1))).toBeCloseTo(4)
    kinds.observe('fast', mean(1), predict(1e6))
    expect(kinds.factor('fast', predict(1e6))).toBeCloseTo(0.5)
    for (const [ms, predicted] of [
      [Number.NaN, 1],
      [1, Number.POSITIVE_INFINITY],
      [0, 1],
      [1, 0],
    ] as const)
      kinds.observe('odd', mean(ms), predict(predicted))
    kinds.observe('odd', mean(1), () => undefined)
    expect(kinds.has('odd')).toBe(false)
    expect(kinds.factor('slow', () => undefined)).toBe(1)
  })

  it('fades while other kinds are asked, so that what was slow once is tried again', () => {
    const kinds = new KindLearning()
    kinds.observe('cut', mean(200), predict())
    for (let count = 0; count < 34; count++) kinds.observe('local', mean(100), predict())
    expect(Math.log2(kinds.factor('cut', predict()))).toBeCloseTo(0.5, 1)
  })

  it('remembers so many kinds and no more, the oldest going first', () => {
    const kinds = new KindLearning()
    for (let kind = 0; kind < 100; kind++) kinds.observe(`${kind}`, mean(2), predict(1))
    expect([...kinds.kinds]).toHaveLength(64)
    expect(kinds.has('0')).toBe(false)
    expect(kinds.has('99')).toBe(true)
  })
})
