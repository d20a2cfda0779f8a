import { describe, expect, it } from 'vitest'
import { KindLearning } from './kind-learning.ts'

const kind = (id: string, shape = id, family = 'a net here') => ({ id, shape, family, isAlone: false })
const [cut, local] = [kind('cut'), kind('local')]
const alone = (id: string) => ({ ...kind(id), isAlone: true })

describe('what plans of a kind take over what was predicted', () => {
  it('is known after the first mean, and follows the next ones by steps', () => {
    const kinds = new KindLearning()
    expect(kinds.factor(cut)).toBe(1)
    kinds.observe(cut, 200, 100)
    expect(kinds.factor(cut)).toBeCloseTo(2)
    for (let mean = 0; mean < 20; mean++) kinds.observe(cut, 120, 100)
    expect(kinds.factor(cut)).toBeCloseTo(1.2, 2)
    kinds.observe(cut, 400, 100)
    expect(kinds.factor(cut)).toBeGreaterThan(1.3)
    expect(kinds.factor(cut)).toBeLessThan(2)
  })

  it('stays within a half and four times, and takes no number that is no time', () => {
    const kinds = new KindLearning()
    kinds.observe(cut, 1e6, 1)
    expect(kinds.factor(cut)).toBeCloseTo(4)
    kinds.observe(local, 1, 1e6)
    expect(kinds.factor(local)).toBeCloseTo(0.5)
    for (const [ms, predicted] of [
      [Number.NaN, 1],
      [1, Number.POSITIVE_INFINITY],
      [0, 1],
      [1, 0],
    ] as const)
      kinds.observe(kind('odd'), ms, predicted)
    expect(kinds.has(kind('odd'))).toBe(false)
  })

  it('is taken for that of its shape where nobody has asked', () => {
    const kinds = new KindLearning()
    kinds.observe(kind('to b', 'to a helper'), 200, 100)
    kinds.observe(kind('to c', 'to a helper'), 100, 100)
    expect(kinds.factor(kind('to d', 'to a helper'))).toBeCloseTo(Math.sqrt(2), 1)
    expect(kinds.factor(kind('to c', 'to a helper'))).toBeCloseTo(1)
  })

  it('is taken for half of what all others are off by where none of its shape was asked, of the same family only', () => {
    const kinds = new KindLearning()
    kinds.observe(kind('to b', 'to a helper'), 400, 100)
    expect(kinds.factor(local)).toBeCloseTo(2)
    kinds.observe(kind('halves'), 100, 100)
    expect(kinds.factor(local)).toBeCloseTo(Math.sqrt(2), 1)
    expect(kinds.factor(kind('local', 'local', 'another net'))).toBe(1)
  })

  it('of the asking device alone knows nothing of what others take part in, and they know of it', () => {
    const kinds = new KindLearning()
    kinds.observe(kind('to b', 'to a helper'), 400, 100)
    expect(kinds.factor(alone('here'))).toBe(1)
    kinds.observe(alone('here with exits'), 400, 100)
    expect(kinds.factor(alone('here'))).toBeCloseTo(2)
    expect(kinds.factor(kind('halves'))).toBeCloseTo(2, 1)
  })

  it('fades while other kinds are asked, and is learned as quickly as at first when it is tried again', () => {
    const kinds = new KindLearning()
    kinds.observe(cut, 200, 100)
    for (let mean = 0; mean < 34; mean++) kinds.observe(local, 100, 100)
    expect(Math.log2(kinds.factor(cut))).toBeCloseTo(0.5, 1)
    kinds.observe(cut, 200, 100)
    expect(kinds.factor(cut)).toBeGreaterThan(1.75)
  })

  it('remembers so many kinds and no more, the oldest going first', () => {
    const kinds = new KindLearning()
    for (let at = 0; at < 100; at++) kinds.observe(kind(`${at}`), 2, 1)
    expect(kinds.size).toBe(64)
    expect(kinds.has(kind('0'))).toBe(false)
    expect(kinds.has(kind('99'))).toBe(true)
  })

  it('can be kept as it is while it goes on', () => {
    const kinds = new KindLearning()
    kinds.observe(cut, 200, 100)
    const then = new KindLearning(kinds)
    kinds.observe(cut, 100, 100)
    expect(then.factor(cut)).toBeCloseTo(2)
  })
})
