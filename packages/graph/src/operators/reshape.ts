import type { NodeContext, RowContext } from './context.ts'
import { type Operator, type Refusal, type RowLayout, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** The target with 0 (as in the input) and -1 (the rest) resolved; allowzero since 14. */
function reshaped(c: NodeContext): number[] {
  const input = c.shape(0)
  const keepZero = c.int('allowzero', 0) !== 0
  const wanted = c.constant(1).map((size, axis) => (size === 0 && !keepZero ? (input[axis] ?? 0) : size))
  const open = wanted.indexOf(-1)
  const known = product(wanted.filter((size) => size !== -1))
  const shape = wanted.map((size, axis) => (axis === open && known > 0 ? product(input) / known : size))
  if (shape.some((size) => size < 0 || !Number.isInteger(size)) || product(shape) !== product(input)) {
    throw c.fail(`[${input}] does not become [${wanted}]`)
  }
  return shape
}

/**
 * Where the rows lie after a reshape. Row-major order reads [outer, height, rest]; it keeps rows together where an axis
 * starts after the same `outer` elements and its size is a multiple of the height.
 */
export function reshapedLayout(from: RowLayout, input: readonly number[], output: readonly number[]) {
  const outer = product(input.slice(0, from.axis))
  const candidates = output.flatMap((size, axis) =>
    product(output.slice(0, axis)) === outer && size >= from.height && size % from.height === 0 ? [axis] : [],
  )
  const axis = candidates.find((at) => output[at] === from.height) ?? candidates[0]
  return axis === undefined ? undefined : { axis, unit: (output[axis] ?? 1) / from.height, height: from.height }
}

function layoutAfter(c: RowContext): RowLayout | Refusal {
  return reshapedLayout(c.main, c.shape(0), c.output().shape) ?? refuse('it mixes rows with other axes')
}

const reshape: Operator = {
  op: 'Reshape',
  kind: 'copy',
  infer: (c) => [{ dtype: c.dtype(0), shape: reshaped(c) }],
  fold: (c) => [c.value(0)],
  settings: [1],
  rows(c) {
    const layout = layoutAfter(c)
    if ('why' in layout) return layout
    const { axis, unit } = layout
    const shape = c.output().shape
    return rowwise([layout], (edit, rows) => {
      edit.intsInput(
        1,
        shape.map((size, i) => (i === axis ? (rows.end - rows.start) * unit : size)),
      )
    })
  },
}

/** Flatten (1, 9, 11, 13): to a matrix. */
const flatten: Operator = {
  op: 'Flatten',
  kind: 'copy',
  infer(c) {
    const shape = c.shape(0)
    const given = c.int('axis', 1)
    const axis = given === shape.length ? given : c.axis(given, shape.length)
    return [{ dtype: c.dtype(0), shape: [product(shape.slice(0, axis)), product(shape.slice(axis))] }]
  },
  fold: (c) => [c.value(0)],
  rows(c) {
    const layout = layoutAfter(c)
    return 'why' in layout ? layout : rowwise([layout])
  },
}

export const reshapes: readonly Operator[] = [reshape, flatten]
