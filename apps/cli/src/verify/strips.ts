import { type Random, type Range, shuffled } from '@roomful/core'
import { elementCount, type FeatureMap } from '@roomful/tensor'

/** `count` consecutive non-empty ranges of uneven size that cover [0, rows). `count` must not exceed `rows`. */
export function unevenStrips(rows: number, count: number, random: Random): Range[] {
  const inner = shuffled(
    Array.from({ length: rows - 1 }, (_, i) => i + 1),
    random,
  ).slice(0, count - 1)
  const cuts = [0, ...inner.sort((a, b) => a - b), rows]
  return cuts.slice(1).map((end, i) => ({ start: cuts[i] as number, end }))
}

/** A map of rank 3 or more as planes of rows: dimension 2 counts the rows. */
export interface RowLayout {
  readonly planes: number
  readonly rows: number
  /** Elements of one row. */
  readonly width: number
}

export function rowLayout(dims: readonly number[]): RowLayout {
  return { planes: elementCount(dims.slice(0, 2)), rows: dims[2] ?? 1, width: elementCount(dims.slice(3)) }
}

/** Rows [start, end) of a map, copied. */
export function rowsOf(map: FeatureMap, { start, end }: Range): FeatureMap {
  const { planes, rows, width } = rowLayout(map.dims)
  const size = (end - start) * width
  const data = map.data.slice(0, planes * size)
  for (let plane = 0; plane < planes; plane++) {
    const from = (plane * rows + start) * width
    // Source and target have the same element type, which TypeScript cannot see through the union.
    ;(data as Float32Array).set((map.data as Float32Array).subarray(from, from + size), plane * size)
  }
  return { dtype: map.dtype, dims: map.dims.map((dim, i) => (i === 2 ? end - start : dim)), data }
}
