import { checkPlan, type DeviceId, deviceId } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { chainOf, evenCuts, modelShape, planOf, splitRows } from './plan-shapes.ts'

const points = [
  { tensor: 'a', shape: [1, 4, 40, 40], macsBefore: 10 },
  { tensor: 'b', shape: [1, 8, 20, 20], macsBefore: 40 },
  { tensor: 'c', shape: [1, 8, 20, 20], macsBefore: 80 },
  { tensor: 'mean', shape: [1, 8], macsBefore: 95 },
]
const model = modelShape({
  digest: 'd'.repeat(64),
  input: { tensor: 'x' },
  final: { output: 'y' },
  trunks: [{ name: 'main', macs: 100 }],
  partitionPoints: points,
})
const seats = ['p', 'q', 'r', 's'].map((id) => ({ device: deviceId(id) as DeviceId, backend: 'ort-wasm' as const }))

describe('splitRows', () => {
  it('covers all rows in proportion to the weights', () => {
    expect(splitRows(10, [1, 1])).toEqual([
      { start: 0, end: 5 },
      { start: 5, end: 10 },
    ])
    expect(splitRows(40, [3, 1])).toEqual([
      { start: 0, end: 30 },
      { start: 30, end: 40 },
    ])
  })
  it('gives everybody a row', () => {
    expect(splitRows(3, [100, 1, 1]).map(({ start, end }) => end - start)).toEqual([1, 1, 1])
    expect(() => splitRows(2, [1, 1, 1])).toThrow(RangeError)
  })
})

describe('plans drawn on a model', () => {
  it('cuts where the work is divided best', () => {
    expect(evenCuts(model, 2)).toEqual(['b'])
    expect(evenCuts(model, 3)).toEqual(['b', 'c'])
    expect(evenCuts(model, 5)).toEqual(['a', 'b', 'c', 'mean'])
    expect(() => evenCuts(model, 6)).toThrow(RangeError)
  })
  it('are valid plans', () => {
    expect(checkPlan(chainOf(model, seats)).volumes.map(({ to }) => to)).toEqual(['a', 'b', 'c', 'y'])
    const rows = planOf(model, [
      { to: 'a', seats, weights: [4, 3, 2, 1] },
      { to: 'b', seats: seats.slice(0, 3) },
      { to: 'y', seats: seats.slice(0, 1) },
    ])
    expect(checkPlan(rows)).toEqual(rows)
    expect(rows.volumes[0]?.shards.at(-1)?.rows?.end).toBe(40)
  })
  it('are refused where a tensor has no rows', () => {
    expect(() => planOf(model, [{ to: 'mean', seats }])).toThrow('mean has no rows')
  })
})
