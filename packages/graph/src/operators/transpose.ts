import { type Operator, refuse, rowwise } from './operator.ts'

export const transpose: Operator = {
  op: 'Transpose',
  kind: 'copy',
  infer(c) {
    const shape = c.shape(0)
    const perm = c.ints('perm') ?? shape.map((_, i) => shape.length - 1 - i)
    const axes = perm.map((axis) => c.axis(axis, shape.length))
    if (new Set(axes).size !== shape.length) throw c.fail(`perm [${perm}] of a tensor of rank ${shape.length}`)
    return [{ dtype: c.dtype(0), shape: axes.map((axis) => shape[axis] ?? 0) }]
  },
  fold: (c) => [c.rank(0) < 2 ? c.value(0) : undefined],
  rows(c) {
    const { axis, unit, height } = c.main
    const rank = c.rank(0)
    const perm = c.ints('perm') ?? c.shape(0).map((_, i) => rank - 1 - i)
    const to = perm.findIndex((from) => c.axis(from, rank) === axis)
    return to < 0 ? refuse('its perm does not name the rows') : rowwise([{ axis: to, unit, height }])
  },
}
