import { deviceId } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { LinkModel } from './link.ts'
import { LinkLearning } from './link-learning.ts'

const [a, b] = [deviceId('a'), deviceId('b')]
const link = new LinkModel({ rttMs: 40, mbitPerSecond: 100, startWindowBytes: 4_800 })
const open = new LinkModel({ rttMs: 40, mbitPerSecond: 100, startWindowBytes: 1e9 })
const SIZES = [3_000, 9_000, 20_000, 64_000, 8_000, 30_000, 120_000]

function after(pauses: readonly number[], model = link, sizes: readonly number[] = SIZES) {
  const learning = new LinkLearning()
  for (const idleMs of pauses) {
    for (const bytes of sizes) learning.observe(a, b, { bytes, ms: model.messageMs(bytes), idleMs })
  }
  return learning.startWindowBytes(a, b)
}

describe('what messages say of a start window', () => {
  it('finds it where the link is used with pauses', () => {
    expect(after([10_000, 10_000])).toBe(4_800)
    expect(after([10_000], open)).toBeGreaterThan(1e6)
  })

  it('knows nothing where messages follow one another, from few messages or from one size', () => {
    expect(after([20])).toBeUndefined()
    expect(after([10_000, 20, 20, 20])).toBeUndefined()
    expect(after([10_000], link, [9_000, 20_000, 64_000])).toBeUndefined()
    expect(after([10_000, 10_000], link, [9_000, 9_000, 9_000, 9_000])).toBeUndefined()
    expect(new LinkLearning().startWindowBytes(a, b)).toBeUndefined()
  })

  it('keeps the two directions apart and ignores wrong numbers', () => {
    const learning = new LinkLearning()
    for (const ms of [Number.NaN, -1, 0, Number.POSITIVE_INFINITY]) {
      for (const bytes of SIZES) learning.observe(b, a, { bytes, ms, idleMs: 10_000 })
    }
    for (const bytes of SIZES) learning.observe(a, b, { bytes, ms: link.messageMs(bytes), idleMs: 10_000 })
    expect(learning.startWindowBytes(a, b)).toBe(4_800)
    expect(learning.startWindowBytes(b, a)).toBeUndefined()
  })
})
