import type { NodeContext } from './context.ts'
import { rowMajor, strided } from './fold.ts'
import { type Operator, rowwise } from './operator.ts'

/** The input axis at each output axis; reversed by default. */
function permutation(c: NodeContext): readonly number[] {
  const rank = c.rank(0)
  const perm = c.ints('perm') ?? c.shape(0).map((_, i) => rank - 1 - i)
  const axes = perm.map((axis) => c.axis(axis, rank))
  if (axes.length !== rank || new Set(axes).size !== rank) throw c.fail(`perm [${perm}] of a tensor of rank ${rank}`)
  return axes
}

/** Transpose (1, 13, 21). */
export const transpose: Operator = {
  op: 'Transpose',
  kind: 'copy',
  infer(c) {
    const shape = c.shape(0)
    return [{ dtype: c.dtype(0), shape: permutation(c).map((axis) => shape[axis] ?? 0) }]
  },
  fold(c, [output]) {
    const value = c.value(0)
    if (value === undefined || output === undefined) return [undefined]
    const own = rowMajor(c.shape(0))
    return [
      strided(
        value,
        output.shape,
        permutation(c).map((axis) => own[axis] ?? 0),
      ),
    ]
  },
  rows(c) {
    const { axis, unit, height } = c.main
    return rowwise([{ axis: permutation(c).indexOf(axis), unit, height }])
  },
}
