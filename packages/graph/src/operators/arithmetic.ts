import type { DataType } from '../data-type.ts'
import { broadcastRows, broadcastShape, inputShapes } from './broadcast.ts'
import type { NodeContext } from './context.ts'
import type { Folded, Operator, TensorType } from './operator.ts'
import { product } from './window.ts'

type Fold = (a: number, b: number, whole: boolean) => number

const isWhole = (type: DataType) => /int/.test(type)

/** Element i of the output, taken from a broadcast input. */
export function broadcastIndex(shape: readonly number[], output: readonly number[]): (index: number) => number {
  const shift = output.length - shape.length
  return (index) => {
    let rest = index
    let at = 0
    let scale = 1
    for (let axis = output.length - 1; axis >= shift; axis -= 1) {
      const size = output[axis] ?? 1
      const own = shape[axis - shift] ?? 1
      at += own === 1 ? 0 : (rest % size) * scale
      scale *= own
      rest = Math.floor(rest / size)
    }
    return at
  }
}

function foldBinary(c: NodeContext, [output]: readonly TensorType[], fold: Fold): readonly Folded[] {
  if (output === undefined) return []
  const whole = isWhole(c.dtype(0))
  let result: readonly number[] | undefined
  let shape: readonly number[] = []
  for (let i = 0; i < c.inputCount; i += 1) {
    const value = c.value(i)
    if (value === undefined) return [undefined]
    if (result === undefined) {
      ;[result, shape] = [value, c.shape(i)]
      continue
    }
    const [a, b] = [broadcastIndex(shape, output.shape), broadcastIndex(c.shape(i), output.shape)]
    const left: readonly number[] = result
    result = Array.from({ length: product(output.shape) }, (_, at) => fold(left[a(at)] ?? 0, value[b(at)] ?? 0, whole))
    shape = output.shape
  }
  return [result]
}

const arithmetic = (op: string, fold?: Fold, result?: DataType): Operator => ({
  op,
  kind: 'elementwise',
  infer: (c) => [{ dtype: result ?? c.dtype(0), shape: broadcastShape(c, inputShapes(c)) }],
  ...(fold === undefined ? {} : { fold: (c: NodeContext, o: readonly TensorType[]) => foldBinary(c, o, fold) }),
  rows: broadcastRows,
})

const compare = (op: string, fold: (a: number, b: number) => boolean) =>
  arithmetic(op, (a, b) => (fold(a, b) ? 1 : 0), 'bool')

/** Where (since 9): inputs condition, values, values. */
const where: Operator = {
  op: 'Where',
  kind: 'elementwise',
  infer: (c) => [{ dtype: c.dtype(1), shape: broadcastShape(c, inputShapes(c)) }],
  fold(c, [output]) {
    const [condition, yes, no] = [c.value(0), c.value(1), c.value(2)]
    if (output === undefined || condition === undefined || yes === undefined || no === undefined) return [undefined]
    const [i, j, k] = [0, 1, 2].map((input) => broadcastIndex(c.shape(input), output.shape))
    if (i === undefined || j === undefined || k === undefined) return [undefined]
    const pick = (_: unknown, at: number) => (condition[i(at)] ? yes[j(at)] : no[k(at)]) ?? 0
    return [Array.from({ length: product(output.shape) }, pick)]
  },
  rows: broadcastRows,
}

/**
 * Element-wise with numpy broadcasting (opset 7 on). Min, Max, Sum and Mean take any number of inputs. PRelu's slope is
 * broadcast to its input.
 */
export const arithmetics: readonly Operator[] = [
  arithmetic('Add', (a, b) => a + b),
  arithmetic('Sub', (a, b) => a - b),
  arithmetic('Mul', (a, b) => a * b),
  arithmetic('Div', (a, b, whole) => (whole ? Math.trunc(a / b) : a / b)),
  arithmetic('Mod', (a, b, whole) => (whole && b !== 0 ? a - b * Math.floor(a / b) : a % b)),
  arithmetic('Pow', (a, b) => a ** b),
  arithmetic('Min', (a, b) => Math.min(a, b)),
  arithmetic('Max', (a, b) => Math.max(a, b)),
  arithmetic('Sum', (a, b) => a + b),
  arithmetic('Mean'),
  arithmetic('PRelu'),
  arithmetic('BitShift'),
  compare('Equal', (a, b) => a === b),
  compare('Greater', (a, b) => a > b),
  compare('GreaterOrEqual', (a, b) => a >= b),
  compare('Less', (a, b) => a < b),
  compare('LessOrEqual', (a, b) => a <= b),
  compare('And', (a, b) => a !== 0 && b !== 0),
  compare('Or', (a, b) => a !== 0 || b !== 0),
  compare('Xor', (a, b) => (a !== 0) !== (b !== 0)),
  where,
]
