import { product } from './window.ts'

/**
 * The elements of a tensor rearranged: element i of the output is the one at `strides . index(i) + offset` of the input,
 * strides by output axis in elements.
 */
export function strided(
  value: readonly number[],
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): readonly number[] {
  const out: number[] = []
  const index = shape.map(() => 0)
  let at = offset
  for (let count = product(shape); count > 0; count -= 1) {
    out.push(value[at] ?? 0)
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const next = (index[axis] ?? 0) + 1
      at += strides[axis] ?? 0
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next
        break
      }
      at -= next * (strides[axis] ?? 0)
      index[axis] = 0
    }
  }
  return out
}

/** Elements between neighbours along each axis, row-major. */
export const rowMajor = (shape: readonly number[]): number[] => shape.map((_, axis) => product(shape.slice(axis + 1)))
