import { dataTypeOf, isFloat } from '../data-type.ts'
import { type Operator, rowwise } from './operator.ts'

/** Cast (since 6). A folded float becomes a whole number by truncation, a bool by comparing with 0. */
const cast: Operator = {
  op: 'Cast',
  kind: 'copy',
  infer(c) {
    const dtype = dataTypeOf(c.int('to', 0))
    if (dtype === undefined || dtype === 'undefined') throw c.fail(`casts to type ${c.int('to', 0)}`)
    return [{ dtype, shape: c.shape(0) }]
  },
  fold(c, [output]) {
    const to = output?.dtype ?? 'undefined'
    return [c.value(0)?.map((x) => (to === 'bool' ? Number(x !== 0) : isFloat(to) ? x : Math.trunc(x)))]
  },
  rows: (c) => rowwise([c.main]),
}

/** CastLike (since 15): the type of its second input. */
const castLike: Operator = {
  ...cast,
  op: 'CastLike',
  infer: (c) => [{ dtype: c.dtype(1), shape: c.shape(0) }],
  settings: [1],
}

/** Dropout (1, 7, 10, 12: ratio as input) does nothing at inference; its second output is a mask. */
const dropout: Operator = {
  op: 'Dropout',
  kind: 'copy',
  infer: (c) => [
    { dtype: c.dtype(0), shape: c.shape(0) },
    { dtype: c.opset >= 10 ? 'bool' : c.dtype(0), shape: c.shape(0) },
  ],
  settings: [1, 2],
  rows: (c) => rowwise([c.main, c.main]),
}

export const casts: readonly Operator[] = [cast, castLike, dropout]
