import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packSteps, type Stretch } from './pack-steps.ts'

const stretch = fc
  .array(fc.record({ work: fc.integer({ min: 1, max: 30 }), bytes: fc.nat(100) }), { minLength: 1, maxLength: 9 })
  .map((gaps): Stretch => {
    let sum = 0
    const at = gaps.map(({ work }) => {
      sum += work
      return sum
    })
    return { workBefore: at.slice(0, -1), bytes: gaps.slice(1).map(({ bytes }) => bytes), work: sum }
  })

function stepsOf({ workBefore, work }: Stretch, cuts: readonly number[]): number[] {
  const at = [0, ...cuts.map((i) => workBefore[i] ?? 0), work]
  return at.slice(1).map((end, i) => end - (at[i] ?? 0))
}

describe('packing of steps', () => {
  it('takes as few steps within the limit as any way of cutting, and balances them', () => {
    fc.assert(
      fc.property(stretch, fc.integer({ min: 1, max: 60 }), (whole, limit) => {
        const allowed = (cuts: readonly number[]) => {
          const nodes = [-1, ...cuts, whole.workBefore.length]
          // Work between two neighbouring places cannot be divided.
          return stepsOf(whole, cuts).every((step, i) => step <= limit || (nodes[i + 1] ?? 0) - (nodes[i] ?? 0) === 1)
        }
        const count = whole.workBefore.length
        const all = Array.from({ length: 2 ** count }, (_, mask) =>
          [...whole.workBefore.keys()].filter((i) => ((mask >> i) & 1) === 1),
        ).filter(allowed)
        const cuts = packSteps(whole, limit)
        expect(allowed(cuts)).toBe(true)
        const fewest = Math.min(...all.map(({ length }) => length))
        expect(cuts.length).toBe(fewest)
        const longest = Math.min(...all.filter((c) => c.length === fewest).map((c) => Math.max(...stepsOf(whole, c))))
        expect(Math.max(...stepsOf(whole, cuts))).toBeLessThanOrEqual(longest + limit / 16)
      }),
      { numRuns: 500, seed: 2026 },
    )
  })

  it('prefers few bytes among steps that are about as long', () => {
    expect(packSteps({ workBefore: [49.9, 50, 50.1], bytes: [9, 5, 7], work: 100 }, 60)).toEqual([1])
  })

  it('cuts nothing that is short', () => {
    expect(packSteps({ workBefore: [1, 2], bytes: [1, 1], work: 3 }, 3)).toEqual([])
  })
})
