import type { NodeContext } from './context.ts'
import { type Operator, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** Before opset 13 the axes from `axis` (default 1) on are one; since then only `axis` (default -1) counts. */
const mixes = (c: NodeContext, rows: number): boolean => {
  const jointly = c.opset < 13
  const axis = c.axis(c.int('axis', jointly ? 1 : -1), c.rank(0))
  return jointly ? rows >= axis : rows === axis
}

/** Softmax, LogSoftmax, Hardmax (1, 11, 13). */
export const softmaxes: readonly Operator[] = ['Softmax', 'LogSoftmax', 'Hardmax'].map((op) => ({
  op,
  kind: 'softmax',
  infer: (c) => [{ dtype: c.dtype(0), shape: c.shape(0) }],
  cost: (c) => ({ flops: 3 * product(c.shape(0)) }),
  rows: (c) => (mixes(c, c.main.axis) ? refuse('it sums over rows') : rowwise([c.main])),
}))
