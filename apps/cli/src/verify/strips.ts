import { type Random, type Range, shuffled } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'

/** `count` consecutive non-empty ranges of uneven size that cover [0, rows). `count` must not exceed `rows`. */
export function unevenStrips(rows: number, count: number, random: Random): Range[] {
  const inner = shuffled(
    Array.from({ length: rows - 1 }, (_, i) => i + 1),
    random,
  ).slice(0, count - 1)
  const cuts = [0, ...inner.sort((a, b) => a - b), rows]
  return cuts.slice(1).map((end, i) => ({ start: cuts[i] as number, end }))
}

/** Rows [start, end) of an NCHW map, copied. */
export function rowsOf(map: FeatureMap, { start, end }: Range): FeatureMap {
  const [n = 1, c = 1, h = 1, w = 1] = map.dims
  const rows = end - start
  const data = map.data.slice(0, n * c * rows * w)
  for (let plane = 0; plane < n * c; plane++) {
    const from = (plane * h + start) * w
    // Source and target have the same element type, which TypeScript cannot see through the union.
    ;(data as Float32Array).set((map.data as Float32Array).subarray(from, from + rows * w), plane * rows * w)
  }
  return { dtype: map.dtype, dims: [n, c, rows, w], data }
}
