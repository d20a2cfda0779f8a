import fc from 'fast-check'
import { expect, it } from 'vitest'
import { transposed, transposedMatrix } from './constants.ts'

it('a matrix of any size is transposed in tiles as by its axes', () => {
  const size = fc.integer({ min: 0, max: 50 })
  fc.assert(
    fc.property(size, size, (rows, columns) => {
      const matrix = { dims: [rows, columns], values: Float32Array.from({ length: rows * columns }, (_, at) => at) }
      expect(transposedMatrix(matrix)).toEqual(transposed(matrix, [1, 0]))
    }),
  )
})
