import type { NodeContext, RowContext } from './context.ts'
import { type Operator, type Refusal, type RowPlan, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** Attribute first, input since 13 (ReduceSum) or 18 (the others); none means all, or nothing with noop_with_empty_axes. */
function reducedAxes(c: NodeContext): readonly number[] {
  const rank = c.rank(0)
  const given = c.list('axes', 1)
  if (given !== undefined && given.length > 0) return given.map((axis) => c.axis(axis, rank))
  return c.int('noop_with_empty_axes', 0) !== 0 ? [] : c.shape(0).map((_, axis) => axis)
}

const without = (c: NodeContext, gone: readonly number[]): number[] => {
  const keep = c.int('keepdims', 1) !== 0
  return c.shape(0).flatMap((size, axis) => (gone.includes(axis) ? (keep ? [1] : []) : [size]))
}

function rowsWithout(c: RowContext, gone: readonly number[]): RowPlan | Refusal {
  const { axis } = c.main
  if (gone.includes(axis)) return refuse('it reduces over all rows')
  const shift = c.int('keepdims', 1) !== 0 ? 0 : gone.filter((other) => other < axis).length
  return rowwise([{ ...c.main, axis: axis - shift }])
}

const reduce = (op: string): Operator => ({
  op,
  kind: 'reduce',
  infer: (c) => [{ dtype: c.dtype(0), shape: without(c, reducedAxes(c)) }],
  fold(c) {
    const value = c.value(0)
    return [op === 'ReduceProd' && value !== undefined && c.rank(0) === 1 ? [product(value)] : undefined]
  },
  cost: (c) => ({ flops: product(c.shape(0)) }),
  settings: [1],
  rows: (c) => rowsWithout(c, reducedAxes(c)),
})

const arg = (op: string): Operator => ({
  op,
  kind: 'reduce',
  infer: (c) => [{ dtype: 'int64', shape: without(c, [c.axis(c.int('axis', 0), c.rank(0))]) }],
  cost: (c) => ({ flops: product(c.shape(0)) }),
  rows: (c) => rowsWithout(c, [c.axis(c.int('axis', 0), c.rank(0))]),
})

export const reductions: readonly Operator[] = [
  ...['Mean', 'Sum', 'Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSum', 'LogSumExp'].map((kind) =>
    reduce(`Reduce${kind}`),
  ),
  arg('ArgMax'),
  arg('ArgMin'),
]
