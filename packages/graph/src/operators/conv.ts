import type { NodeContext } from './context.ts'
import type { Operator } from './operator.ts'
import { product, windowRows, windows } from './window.ts'

/** Where a kind of convolution has its input and weights, and what it makes. */
interface Form {
  readonly op: string
  readonly weight: number
  readonly bias: number
  /** Scales and zero points. */
  readonly settings: readonly number[]
  readonly dtype: (c: NodeContext) => ReturnType<NodeContext['dtype']>
}

/** Conv (since 1), ConvInteger (since 10, int32 out), QLinearConv (since 10, the type of its zero point out). */
const FORMS: readonly Form[] = [
  { op: 'Conv', weight: 1, bias: 2, settings: [], dtype: (c) => c.dtype(0) },
  { op: 'ConvInteger', weight: 1, bias: -1, settings: [2, 3], dtype: () => 'int32' },
  {
    op: 'QLinearConv',
    weight: 3,
    bias: 8,
    settings: [1, 2, 4, 5, 6, 7],
    dtype: (c) => (c.has(7) ? c.dtype(7) : 'uint8'),
  },
]

/** Input is NCHW..., weights are Cout, Cin/group, kernel... */
const convolution = ({ op, weight, bias, settings, dtype }: Form): Operator => {
  const slide = (c: NodeContext) => {
    const [, , ...kernel] = c.shape(weight)
    const given = c.ints('kernel_shape')
    if (given !== undefined && product(given) !== product(kernel)) {
      throw c.fail(`kernel_shape [${given}] but weights [${c.shape(weight)}]`)
    }
    return windows(c, c.shape(0), kernel)
  }
  return {
    op,
    kind: (c) => (c.int('group', 1) > 1 && c.shape(weight)[1] === 1 ? 'depthwise' : 'conv'),
    infer(c) {
      const [batch = 1, channels = 0] = c.shape(0)
      const [out = 0, perGroup = 0] = c.shape(weight)
      const group = c.int('group', 1)
      if (c.rank(0) < 3 || c.rank(weight) !== c.rank(0)) {
        throw c.fail(`weights [${c.shape(weight)}] over an input of [${c.shape(0)}]`)
      }
      if (!(group > 0) || channels !== perGroup * group || out % group !== 0) {
        throw c.fail(`${channels} channels in ${group} groups do not fit weights [${c.shape(weight)}]`)
      }
      if (bias >= 0 && c.has(bias) && c.shape(bias)[0] !== out)
        throw c.fail(`${c.shape(bias)} biases for ${out} channels`)
      return [{ dtype: dtype(c), shape: [batch, out, ...slide(c).map((w) => w.output)] }]
    },
    cost(c, [output]) {
      const [, perGroup = 0, ...kernel] = c.shape(weight)
      const elements = product(output?.shape ?? [])
      const perElement = perGroup * product(kernel)
      return { macs: elements * perElement, flops: 2 * elements * (perElement + 1) }
    },
    settings,
    rows: (c) => windowRows(c, slide(c)),
  }
}

export const convolutions: readonly Operator[] = FORMS.map(convolution)
