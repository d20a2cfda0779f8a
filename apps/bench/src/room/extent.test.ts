import { expect, it } from 'vitest'
import { extentOf, FULL, LARGE, LARGE_QUICK_MS, loopOf, QUICK } from './extent.ts'

it('a large net has longer loops in quick and full runs, and its own time in a quick one', () => {
  expect(extentOf(true, false)).toEqual(QUICK)
  expect(extentOf(false, true)).toEqual({ ...FULL, ...LARGE })
  expect(extentOf(true, true)).toEqual({ ...QUICK, ...LARGE, budgetMs: LARGE_QUICK_MS })
  expect(extentOf(true, true, { blocks: 1, loopMs: 100 })).toMatchObject({ blocks: 1, loopMs: 100, minRequests: 3 })
})

it('the limit of a loop leaves a large net at a quarter of a core its three requests', () => {
  const slowestMs = 7_300
  const { forMs, minCount, limitMs } = loopOf(extentOf(true, true), [0, 1, 2])
  expect({ forMs, minCount }).toEqual({ forMs: LARGE.loopMs, minCount: 3 })
  expect((minCount - 1) * slowestMs).toBeLessThan(limitMs)
})
