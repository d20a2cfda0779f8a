import type { RowContext } from './context.ts'
import { type Operator, type Refusal, type RowPlan, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** By channel with fixed statistics: every row alone, as long as rows are not the channels. */
function perChannel(c: RowContext): RowPlan | Refusal {
  return c.main.axis < 2 ? refuse('it treats rows as channels') : rowwise([c.main])
}

/** BatchNormalization (1, 7, 9, 14: training_mode). Scale, bias, mean and variance are its parameters. */
const batch: Operator = {
  op: 'BatchNormalization',
  kind: 'norm',
  infer(c) {
    const channels = c.shape(0)[1] ?? 1
    for (const i of [1, 2, 3, 4]) {
      if (product(c.shape(i)) !== channels) throw c.fail(`input ${i} is [${c.shape(i)}] for ${channels} channels`)
    }
    const statistics = c.node.outputs.slice(1).map(() => ({ dtype: c.dtype(3), shape: c.shape(3) }))
    return [{ dtype: c.dtype(0), shape: c.shape(0) }, ...statistics]
  },
  cost: (c) => ({ flops: 2 * product(c.shape(0)) }),
  rows: (c) =>
    c.int('training_mode', 0) !== 0 || c.node.outputs.length > 1
      ? refuse('in training mode its statistics depend on all rows')
      : perChannel(c),
}

/** LRN (1, 13) across channels; METHODS' activation form times its window. */
const lrn: Operator = {
  op: 'LRN',
  kind: 'norm',
  infer: (c) => [{ dtype: c.dtype(0), shape: c.shape(0) }],
  cost: (c) => ({ flops: product(c.shape(0)) * c.int('size', 1) }),
  rows: perChannel,
}

/** Mean and variance over whole channels or groups: InstanceNormalization (1, 6), GroupNormalization (18, 21). */
const overRows = (op: string): Operator => ({
  op,
  kind: 'norm',
  infer: (c) => [{ dtype: c.dtype(0), shape: c.shape(0) }],
  cost: (c) => ({ flops: 4 * product(c.shape(0)) }),
  rows: () => refuse('its mean and variance depend on all rows'),
})

/** LayerNormalization (17): over the axes from `axis` on. */
const layer: Operator = {
  op: 'LayerNormalization',
  kind: 'norm',
  infer(c) {
    const shape = c.shape(0)
    const axis = c.axis(c.int('axis', -1), shape.length)
    const statistics = { dtype: 'float32' as const, shape: shape.map((size, i) => (i < axis ? size : 1)) }
    return [{ dtype: c.dtype(0), shape }, statistics, statistics]
  },
  cost: (c) => ({ flops: 4 * product(c.shape(0)) }),
  rows(c) {
    const axis = c.axis(c.int('axis', -1), c.rank(0))
    if (c.main.axis >= axis || c.node.outputs.length > 1) return refuse('its mean and variance depend on all rows')
    return rowwise([c.main])
  },
}

/** LpNormalization and MeanVarianceNormalization: along given axes. */
const lp: Operator = {
  op: 'LpNormalization',
  kind: 'norm',
  infer: (c) => [{ dtype: c.dtype(0), shape: c.shape(0) }],
  cost: (c) => ({ flops: 2 * product(c.shape(0)) }),
  rows: (c) =>
    c.axis(c.int('axis', -1), c.rank(0)) === c.main.axis ? refuse('its norm runs over rows') : rowwise([c.main]),
}

export const normalizations: readonly Operator[] = [
  batch,
  lrn,
  overRows('InstanceNormalization'),
  overRows('GroupNormalization'),
  overRows('MeanVarianceNormalization'),
  layer,
  lp,
]
