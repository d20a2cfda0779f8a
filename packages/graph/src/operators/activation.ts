import type { DataType } from '../data-type.ts'
import type { NodeContext } from './context.ts'
import { type Operator, type RowPlan, rowwise } from './operator.ts'

type Fold = (x: number) => number

/** Element for element on one input; further inputs are settings. */
const unary = (op: string, o: { fold?: Fold; dtype?: DataType; kind?: 'elementwise' | 'copy' } = {}): Operator => {
  const { fold } = o
  return {
    op,
    kind: o.kind ?? 'elementwise',
    infer: (c) => [{ dtype: o.dtype ?? c.dtype(0), shape: c.shape(0) }],
    ...(fold === undefined ? {} : { fold: (c: NodeContext) => [c.value(0)?.map((x) => fold(x))] }),
    rows: (c): RowPlan => rowwise([c.main]),
  }
}

/** Clip: bounds are attributes before opset 11, inputs since; it never changes a shape. */
const clip: Operator = { ...unary('Clip'), settings: [1, 2] }

export const activations: readonly Operator[] = [
  clip,
  unary('Identity', { fold: (x) => x, kind: 'copy' }),
  unary('Neg', { fold: (x) => -x }),
  unary('Abs', { fold: Math.abs }),
  unary('Sqrt', { fold: Math.sqrt }),
  unary('Floor', { fold: Math.floor }),
  unary('Ceil', { fold: Math.ceil }),
  unary('Reciprocal', { fold: (x) => 1 / x }),
  unary('Exp', { fold: Math.exp }),
  unary('Log', { fold: Math.log }),
  unary('Not', { fold: (x) => (x === 0 ? 1 : 0), dtype: 'bool' }),
  unary('IsNaN', { dtype: 'bool' }),
  unary('IsInf', { dtype: 'bool' }),
  ...[
    ...['Relu', 'LeakyRelu', 'ThresholdedRelu', 'Elu', 'Selu', 'Celu', 'Gelu', 'Mish', 'Softplus', 'Softsign'],
    ...['Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Erf', 'Sign', 'Round', 'Shrink', 'Swish'],
    ...['Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh'],
  ].map((op) => unary(op)),
]
