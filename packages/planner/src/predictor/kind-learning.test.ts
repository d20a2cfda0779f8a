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

  it('is taken for part of what all others are off by where none of its shape was asked, of the same family only', () => {
    const kinds = new KindLearning()
    kinds.observe(kind('to b', 'to a helper'), 400, 100)
    // Half of what one kind is off by.
    expect(kinds.factor(local)).toBeCloseTo(2)
    kinds.observe(kind('halves'), 100, 100)
    // And two thirds of the mean of two.
    expect(kinds.factor(local)).toBeCloseTo(4 ** (1 / 3), 1)
    expect(kinds.factor(kind('local', 'local', 'another net'))).toBe(1)
  })

  it('of a kind that nobody has asked follows what many agree in, so that the last one tried is not the one nobody has seen', () => {
    const kinds = new KindLearning()
    // ResNet-50's rows among four quarters of a core, as they were asked before an unseen sixth was taken at 1.14 x and took 1.43 x.
    for (const [at, off] of [1.39, 1.13, 1.22, 1.18].entries()) kinds.observe(kind(`rows ${at}`), off * 100, 100)
    const mean = (1.39 * 1.13 * 1.22 * 1.18) ** (1 / 4)
    expect(kinds.factor(kind('other rows'))).toBeCloseTo(mean ** 0.8, 1)
    expect(kinds.factor(kind('other rows'))).toBeGreaterThan(kinds.factor(kind('rows 1')))
  })

  it('of the asking device alone knows nothing of what others take part in, and they know of it', () => {
    const kinds = new KindLearning()
    kinds.observe(kind('to b', 'to a helper'), 400, 100)
    expect(kinds.factor(alone('here'))).toBe(1)
    kinds.observe(alone('here with exits'), 400, 100)
    expect(kinds.factor(alone('here'))).toBeCloseTo(2)
    expect(kinds.factor(kind('halves'))).toBeCloseTo(4 ** (2 / 3), 1)
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
