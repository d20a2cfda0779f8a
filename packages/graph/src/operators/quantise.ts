import { dataTypeOf } from '../data-type.ts'
import type { RowContext } from './context.ts'
import { type Operator, type Refusal, type RowPlan, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** One scale for all, or one per index of `axis` (default 1), which must not be the rows. */
function rows(c: RowContext): RowPlan | Refusal {
  const perTensor = product(c.shape(1)) === 1
  if (c.layout(1) !== undefined || c.layout(2) !== undefined) return refuse('its scale is computed from the input')
  if (!perTensor && c.axis(c.int('axis', 1), c.rank(0)) === c.main.axis) return refuse('it has a scale for each row')
  return c.int('block_size', 0) !== 0 ? refuse('it has a scale for each block') : rowwise([c.main])
}

/** QuantizeLinear (10, 13, 19, 21): to the type of its zero point, uint8 without one. */
const quantize: Operator = {
  op: 'QuantizeLinear',
  kind: 'quantise',
  infer: (c) => {
    const given = dataTypeOf(c.int('output_dtype', 0))
    const dtype = c.has(2) ? c.dtype(2) : given === undefined || given === 'undefined' ? 'uint8' : given
    return [{ dtype, shape: c.shape(0) }]
  },
  settings: [1, 2],
  rows,
}

/** DequantizeLinear (10, 13, 19, 21): to the type of its scale. */
const dequantize: Operator = {
  op: 'DequantizeLinear',
  kind: 'quantise',
  infer: (c) => [{ dtype: c.dtype(1), shape: c.shape(0) }],
  settings: [1, 2],
  rows,
}

/** DynamicQuantizeLinear (11): scale and zero point come from the whole tensor's range. */
const dynamic: Operator = {
  op: 'DynamicQuantizeLinear',
  kind: 'quantise',
  infer: (c) => [
    { dtype: 'uint8', shape: c.shape(0) },
    { dtype: 'float32', shape: [] },
    { dtype: 'uint8', shape: [] },
  ],
  cost: (c) => ({ flops: 3 * product(c.shape(0)) }),
  rows: () => refuse('its scale depends on the whole tensor'),
}

export const quantisers: readonly Operator[] = [quantize, dequantize, dynamic]
