import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leavesAt, verdict } from './policy.ts'

const logits = fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 12 })

describe('verdict', () => {
  it('is the largest softmax probability and its place', () => {
    const answer = verdict([0, Math.log(3), 0], 1)
    expect(answer.label).toBe(1)
    expect(answer.confidence).toBeCloseTo(3 / 5, 12)
  })

  it('divides the logits by the temperature', () => {
    expect(verdict([0, 2 * Math.log(3)], 2).confidence).toBeCloseTo(3 / 4, 12)
  })

  it('stays between 1 / classes and 1 and never overflows', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0.01, max: 10, noNaN: true }), (values, temperature) => {
        const { label, confidence } = verdict(values, temperature)
        expect(values[label]).toBe(Math.max(...values))
        expect(confidence).toBeGreaterThanOrEqual(1 / values.length - 1e-12)
        expect(confidence).toBeLessThanOrEqual(1)
      }),
      { seed: 3, numRuns: 300 },
    )
  })
})

describe('leavesAt', () => {
  const sure = (confidence: number) => ({ label: 0, confidence })

  it('leaves at the first exit at or over its threshold', () => {
    expect(leavesAt([sure(0.6), sure(0.9), sure(0.99), sure(0.2)], [0.7, 0.9, 0.5])).toBe(1)
  })

  it('ends at the final classifier, however unsure', () => {
    expect(leavesAt([sure(0.6), sure(0.1)], [0.7])).toBe(1)
    expect(leavesAt([sure(0.1)], [])).toBe(0)
  })
})
