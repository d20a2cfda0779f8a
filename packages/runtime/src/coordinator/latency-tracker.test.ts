import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { LatencyTracker } from './latency-tracker.ts'

describe('an answer is late', () => {
  const after = (predictedMs: number, ...seen: readonly number[]) => {
    const tracker = new LatencyTracker(predictedMs)
    for (const ms of seen) tracker.add(ms)
    return tracker.lateAfterMs
  }
  const times = (count: number, ms: number) => Array.from({ length: count }, () => ms)

  it('a few times the predicted time after it was asked of a new plan', () => {
    expect(after(100)).toBeGreaterThan(400)
    expect(after(100)).toBeLessThan(600)
  })

  it('sooner with every answer that came as predicted', () => {
    const limits = [0, 1, 3, 10, 30, 100].map((count) => after(100, ...times(count, 100)))
    expect(limits).toEqual(limits.toSorted((a, b) => b - a))
    expect(limits[1]).toBeLessThan(350)
    expect(limits.at(-1)).toBeLessThan(150)
  })

  it('after what was observed, wherever the prediction was', () => {
    expect(after(10, 5000)).toBeGreaterThan(7500)
    expect(after(10, ...times(100, 5000))).toBeLessThan(7500)
    expect(after(5000, ...times(100, 10))).toBeLessThan(50)
  })

  it('little later because of one slow answer', () => {
    expect(after(100, ...times(30, 100), 1500)).toBeLessThan(500)
  })

  it('about once in a hundred answers that are as far apart as they were', () => {
    const random = seededRandom(5)
    const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
    const draw = () => 80 * Math.exp(0.3 * normal())
    const tracker = new LatencyTracker(100)
    for (let i = 0; i < 100; i++) tracker.add(draw())
    const late = Array.from({ length: 10_000 }, draw).filter((ms) => ms > tracker.lateAfterMs).length
    expect(late).toBeGreaterThan(5)
    expect(late).toBeLessThan(150)
  })
})
