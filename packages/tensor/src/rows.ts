import type { Range } from '@roomful/core'
import { allocate, checkFeatureMap } from './dtype.ts'
import { TensorError } from './error.ts'
import { type DType, type DTypeData, elementCount, type FeatureMap } from './feature-map.ts'

/** Rows of a picture-shaped tensor `[N, C, H, W]` (and of any tensor of rank >= 3) are dimension 2. */
export const ROW_AXIS = 2

interface RowLayout {
  /** N * C: how many times the rows repeat. */
  readonly planes: number
  readonly rows: number
  /** Elements of one row. */
  readonly width: number
}

function layout(map: FeatureMap): RowLayout {
  checkFeatureMap(map)
  const rows = map.dims[ROW_AXIS]
  if (rows === undefined) throw new TensorError('shape', `dims [${map.dims}] have no rows: rank 3 or more is needed`)
  return {
    planes: elementCount(map.dims.slice(0, ROW_AXIS)),
    rows,
    width: elementCount(map.dims.slice(ROW_AXIS + 1)),
  }
}

function withRows(dims: readonly number[], rows: number): number[] {
  return dims.map((dim, axis) => (axis === ROW_AXIS ? rows : dim))
}

/**
 * Rows `[start, end)` of a feature map. All rows: the map itself, not copied; otherwise one copy.
 * @throws TensorError `shape` when the range is empty or outside
 */
export function sliceRows<T extends DType>(map: FeatureMap<T>, range: Range): FeatureMap<T> {
  const { planes, rows, width } = layout(map)
  const { start, end } = range
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end > rows || start >= end) {
    throw new TensorError('shape', `rows [${start}, ${end}) of a map that has ${rows}`)
  }
  if (start === 0 && end === rows) return map
  const dims = withRows(map.dims, end - start)
  const data = allocate(map.dtype, elementCount(dims))
  const length = (end - start) * width
  for (let plane = 0; plane < planes; plane++) {
    copyRun(data, plane * length, map.data, (plane * rows + start) * width, length)
  }
  return { dtype: map.dtype, dims, data }
}

/** Shorter runs are copied value by value: a view for each plane of a map costs more than that, and is garbage afterwards. */
const SHORT_RUN = 128

/** Copies `length` values between buffers of one element type, from index `from` to index `at`. */
export function copyRun(
  target: DTypeData[DType],
  at: number,
  source: DTypeData[DType],
  from: number,
  length: number,
): void {
  if (target instanceof Float32Array && source instanceof Float32Array && length < SHORT_RUN) {
    for (let i = 0; i < length; i++) target[at + i] = source[from + i] as number
  } else if (target instanceof BigInt64Array) {
    if (source instanceof BigInt64Array) target.set(source.subarray(from, from + length), at)
  } else if (!(source instanceof BigInt64Array)) {
    target.set(source.subarray(from, from + length), at)
  }
}

/**
 * The inverse of `sliceRows`: parts in order of their rows, one above the other. One part: itself, not copied.
 * @throws TensorError `shape` or `dtype` when the parts do not belong together
 */
export function stitchRows<T extends DType>(parts: readonly FeatureMap<T>[]): FeatureMap<T> {
  const [first] = parts
  if (first === undefined) throw new TensorError('shape', 'no parts to stitch')
  if (parts.length === 1) return first
  const { planes, width } = layout(first)
  const heights = parts.map((part) => partRows(part, first))
  const total = heights.reduce((sum, rows) => sum + rows, 0)
  const dims = withRows(first.dims, total)
  const data = allocate(first.dtype, elementCount(dims))
  let row = 0
  for (const [index, part] of parts.entries()) {
    const length = (heights[index] ?? 0) * width
    for (let plane = 0; plane < planes; plane++) {
      copyRun(data, (plane * total + row) * width, part.data, plane * length, length)
    }
    row += heights[index] ?? 0
  }
  return { dtype: first.dtype, dims, data }
}

function partRows(part: FeatureMap, first: FeatureMap): number {
  if (part.dtype !== first.dtype) {
    throw new TensorError('dtype', `parts of ${first.dtype} and of ${part.dtype} cannot be stitched`)
  }
  const { rows } = layout(part)
  const same = part.dims.length === first.dims.length
  if (!same || part.dims.some((dim, axis) => axis !== ROW_AXIS && dim !== first.dims[axis])) {
    throw new TensorError('shape', `parts of dims [${first.dims}] and [${part.dims}] differ in more than their rows`)
  }
  return rows
}
