import { allocate, elementCount, type FeatureMap } from '@roomful/tensor'

/** Marks that a request can carry. */
export const MARKS = 256

/**
 * A simulated feature map holds no activations but one mark: which of 256 classes of difficulty its request belongs to.
 * It stands at the head of every row of the first channel, so that slices and stitched maps keep it.
 */
export function markedMap(dims: readonly number[], mark: number): FeatureMap {
  const data = allocate('float32', elementCount(dims))
  const [, , height = 1, width = 1] = dims.length === 4 ? dims : []
  for (let row = 0; row < height; row++) data[row * width] = mark / (MARKS - 1)
  return { dtype: 'float32', dims, data }
}

export function markOf(map: FeatureMap): number {
  const mark = Math.round(Number(map.data[0] ?? 0) * (MARKS - 1))
  return Math.min(MARKS - 1, Math.max(0, mark))
}

/** Where the request lies among all, 0..1: an exit answers those below its cumulative share. */
export const difficultyOf = (mark: number): number => (mark + 0.5) / MARKS
