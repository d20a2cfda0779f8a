import fc from 'fast-check'
import { expect, it } from 'vitest'
import { transposed } from './constants.ts'

it('a matrix of any size is transposed', () => {
  const size = fc.integer({ min: 0, max: 50 })
  fc.assert(
    fc.property(size, size, (rows, columns) => {
      const matrix = { dims: [rows, columns], values: Float32Array.from({ length: rows * columns }, (_, at) => at) }
      const across = Array.from({ length: columns }, (_, column) =>
        Array.from({ length: rows }, (_, row) => row * columns + column),
      )
      expect(transposed(matrix, [1, 0])).toEqual(Float32Array.from(across.flat()))
      expect(transposed(matrix, [0, 1])).toEqual(matrix.values)
    }),
  )
})
