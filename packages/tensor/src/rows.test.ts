import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocate, DTYPE_BYTES } from './dtype.ts'
import { type DType, elementCount, type FeatureMap } from './feature-map.ts'
import { sliceRows, stitchRows } from './rows.ts'

const dtypes = Object.keys(DTYPE_BYTES) as DType[]

function counted(dtype: DType, dims: number[]): FeatureMap {
  const data = allocate(dtype, elementCount(dims))
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'int64' ? BigInt(i) : i % 251
  return { dtype, dims, data }
}

test('a map cut into rows anywhere and stitched is the map, for every element type', () => {
  const arbitrary = fc.record({
    dtype: fc.constantFrom(...dtypes),
    dims: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 })),
    width: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
    cuts: fc.array(fc.nat(), { maxLength: 4 }),
  })
  fc.assert(
    fc.property(arbitrary, ({ dtype, dims, width, cuts }) => {
      const map = counted(dtype, width === undefined ? [...dims] : [...dims, width])
      const rows = dims[2]
      const bounds = [...new Set([0, ...cuts.map((cut) => cut % rows), rows])].sort((a, b) => a - b)
      const parts = bounds.slice(1).map((end, i) => sliceRows(map, { start: bounds[i] ?? 0, end }))
      expect(stitchRows(parts)).toEqual(map)
    }),
    { seed: 11, numRuns: 200 },
  )
})

test('rows of a known map', () => {
  const map = counted('float32', [1, 2, 3, 2])
  expect([...sliceRows(map, { start: 1, end: 3 }).data]).toEqual([2, 3, 4, 5, 8, 9, 10, 11])
  expect(sliceRows(map, { start: 0, end: 3 })).toBe(map)
})

test('ranges outside, empty ranges and maps without rows are refused', () => {
  const map = counted('float32', [1, 2, 3, 2])
  for (const range of [
    { start: 0, end: 4 },
    { start: -1, end: 2 },
    { start: 2, end: 2 },
    { start: 0.5, end: 2 },
  ]) {
    expect(() => sliceRows(map, range)).toThrow(/rows \[/)
  }
  expect(() => sliceRows(counted('float32', [1, 8]), { start: 0, end: 1 })).toThrow(/have no rows/)
  expect(() => sliceRows({ ...map, dims: [1, 2, 3, 3] }, { start: 0, end: 1 })).toThrow(/need 18 elements/)
})

test('parts that do not belong together are refused', () => {
  const map = counted('float32', [1, 2, 3, 2])
  expect(() => stitchRows([])).toThrow(/no parts/)
  expect(() => stitchRows<DType>([map, counted('uint8', [1, 2, 3, 2])])).toThrow(/cannot be stitched/)
  expect(() => stitchRows([map, counted('float32', [1, 2, 3, 3])])).toThrow(/more than their rows/)
})
