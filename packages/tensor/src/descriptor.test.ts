import { seededRandom } from '@roomful/core'
import { expect, test } from 'vitest'
import { describeFeature } from './descriptor.ts'
import type { FeatureMap } from './feature-map.ts'
import { reluMap } from './testing/relu-map.ts'

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)

function disturbed(map: FeatureMap<'float32'>, noise: number): FeatureMap<'float32'> {
  const random = seededRandom(2)
  return { ...map, data: map.data.map((x) => x + noise * (random.next() - 0.5)) }
}

test('a descriptor has length 1 and near maps have near descriptors', () => {
  const map = reluMap([1, 16, 10, 10], seededRandom(1))
  const other = reluMap([1, 16, 10, 10], seededRandom(99))
  const own = describeFeature(map)
  expect(own.length).toBe(64)
  expect(dot(own, own)).toBeCloseTo(1, 5)
  expect(dot(own, describeFeature(disturbed(map, 0.3)))).toBeGreaterThan(0.98)
  expect(dot(own, describeFeature(other))).toBeLessThan(0.8)
})

test('a constant map gives zeros, and a map narrower than the grid its own raster', () => {
  const flat: FeatureMap = { dtype: 'float32', dims: [1, 2, 1, 3], data: new Float32Array(6).fill(2) }
  expect([...describeFeature(flat, 4)]).toEqual([0, 0])
})

test('integers, several samples and NaN are refused', () => {
  const base = { dims: [1, 1, 2, 2] }
  expect(() => describeFeature({ ...base, dtype: 'uint8', data: new Uint8Array(4) })).toThrow(/needs floats/)
  expect(() => describeFeature({ dims: [2, 1, 2, 1], dtype: 'float32', data: new Float32Array(4) })).toThrow(
    /one sample/,
  )
  const nan = new Float32Array(4).fill(Number.NaN)
  expect(() => describeFeature({ ...base, dtype: 'float32', data: nan })).toThrow(/NaN/)
})
