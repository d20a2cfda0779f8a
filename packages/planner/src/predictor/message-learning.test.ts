import { describe, expect, it } from 'vitest'
import { messageFactorOf } from './message-learning.ts'

/** Messages of 40 ms beside 50 ms of other things, with a processor that is kept busy for twice as long. */
const predict = (factor: number) => Math.max(50 + 40 * factor, 80 * factor)

describe('what requests say of the cost of messages', () => {
  for (const factor of [0.3, 0.5, 0.9, 1, 1.2, 2, 3.9]) {
    it(`finds a factor of ${factor}`, () => {
      expect(messageFactorOf(predict(factor), predict)).toBeCloseTo(factor, 1)
    })
  }

  it('stays within a quarter and four times', () => {
    expect(messageFactorOf(1, predict)).toBeCloseTo(0.25, 1)
    expect(messageFactorOf(10_000, predict)).toBeGreaterThan(3.9)
    expect(messageFactorOf(10_000, predict)).toBeLessThanOrEqual(4)
  })

  it('says nothing where messages are a small part, or where the plan does not fit the room', () => {
    expect(messageFactorOf(200, (factor) => 100 + 10 * factor)).toBeUndefined()
    expect(messageFactorOf(200, () => undefined)).toBeUndefined()
  })
})
