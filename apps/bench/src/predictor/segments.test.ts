import { expect, test } from 'vitest'
import { Calm } from './calm.ts'
import type { EvaluatedModel } from './models.ts'
import { type EvaluatedSegment, mergeShort } from './segments.ts'
import { summarise } from './summary.ts'

const segments = (count: number): EvaluatedSegment[] =>
  Array.from({ length: count }, (_, from) => ({ model: {} as EvaluatedModel, from, to: from + 1 }))

test('short segments are merged with the next, the last with the one before', () => {
  const times = [0.1, 0.05, 0.3, 0.25, 0.1]
  const merged = mergeShort(segments(5), ({ from }) => times[from] ?? 0, 0.2)
  expect(merged.map(({ from, to }) => [from, to])).toEqual([
    [0, 3],
    [3, 5],
  ])
  expect(mergeShort(segments(2), () => 0.01, 0.2).map(({ from, to }) => [from, to])).toEqual([[0, 2]])
})

test('shares count both signs of an error', () => {
  const errors = [0.05, -0.12, 0.149, -0.3].map((error) => ({ error }))
  expect(summarise(errors)).toEqual({ segments: 4, within15: 0.75, within10: 0.25, medianError: 0.149 })
})

test('a machine is calm by its fastest moments, not by one lucky one', () => {
  const calm = new Calm()
  calm.sees(1.5)
  for (let i = 0; i < 40; i++) calm.sees(2)
  expect(calm.is(2.2)).toBe(true)
  expect(calm.is(2.3)).toBe(false)
})
