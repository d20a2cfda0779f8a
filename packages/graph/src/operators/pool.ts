import type { NodeContext } from './context.ts'
import { type Operator, refuse } from './operator.ts'
import { product, windowRows, windows } from './window.ts'

const slide = (c: NodeContext) => {
  const kernel = c.ints('kernel_shape')
  if (kernel === undefined) throw c.fail('kernel_shape is absent')
  return windows(c, c.shape(0), kernel)
}

/** MaxPool (1, 8, 10: ceil_mode and dilations), AveragePool (1, 7, 10, 19: dilations), LpPool (1, 2, 11, 18). */
export const pool = (op: string): Operator => ({
  op,
  kind: 'pool',
  infer(c) {
    const [batch = 1, channels = 1] = c.shape(0)
    const shape = [batch, channels, ...slide(c).map((w) => w.output)]
    const values = { dtype: c.dtype(0), shape }
    return c.node.outputs.length > 1 ? [values, { dtype: 'int64', shape }] : [values]
  },
  cost: (c, [output]) => ({ flops: product(output?.shape ?? []) * product(c.ints('kernel_shape') ?? []) }),
  rows: (c) =>
    (c.node.outputs[1] ?? '') === '' ? windowRows(c, slide(c)) : refuse('it gives positions in the whole tensor'),
})

/** Global pooling (since 1) depends on every row. */
export const globalPool = (op: string): Operator => ({
  op,
  kind: 'pool',
  infer(c) {
    const [batch = 1, channels = 1, ...spatial] = c.shape(0)
    return [{ dtype: c.dtype(0), shape: [batch, channels, ...spatial.map(() => 1)] }]
  },
  cost: (c) => ({ flops: product(c.shape(0)) }),
  rows: () => refuse('it pools over all rows'),
})

export const pools: readonly Operator[] = [
  ...['MaxPool', 'AveragePool', 'LpPool'].map(pool),
  ...['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'].map(globalPool),
]
