import { broadcastRows, broadcastShape } from './broadcast.ts'
import type { NodeContext } from './context.ts'
import { type Operator, refuse, rowwise } from './operator.ts'
import { globalPool, pool } from './pool.ts'
import { product } from './window.ts'

/** ONNX Runtime's own operators that its static quantisation (QOperator form) puts into public models. */
const DOMAIN = 'com.microsoft'

/** Inputs a, scale, zero point, b, scale, zero point, output scale, zero point. */
const binary = (op: string): Operator => ({
  op,
  domain: DOMAIN,
  kind: 'elementwise',
  infer: (c) => [{ dtype: c.dtype(0), shape: broadcastShape(c, [c.shape(0), c.shape(3)]) }],
  settings: [1, 2, 4, 5, 6, 7],
  rows: broadcastRows,
})

/** Inputs x, scale, zero point, output scale, zero point. */
const unary = (op: string): Operator => ({
  op,
  domain: DOMAIN,
  kind: 'elementwise',
  infer: (c) => [{ dtype: c.dtype(0), shape: c.shape(0) }],
  settings: [1, 2, 3, 4],
  rows: (c) => rowwise([c.main]),
})

const firstOnly = (c: NodeContext) => {
  if (c.int('channels_last', 0) !== 0) throw c.fail('channels_last is not known here')
}

/** The same rules as the operator of ONNX, for the layout NCHW. */
const quantised = (operator: Operator, op: string): Operator => ({
  ...operator,
  op,
  domain: DOMAIN,
  settings: [1, 2, 3, 4],
  infer(c) {
    firstOnly(c)
    return operator.infer(c)
  },
})

/** Inputs output scale, zero point, then x, scale, zero point of each part. */
const concat: Operator = {
  op: 'QLinearConcat',
  domain: DOMAIN,
  kind: 'copy',
  infer(c) {
    const axis = c.axis(c.int('axis', 0), c.rank(2))
    const shape = [...c.shape(2)]
    for (let i = 5; i < c.inputCount; i += 3) shape[axis] = (shape[axis] ?? 0) + (c.shape(i)[axis] ?? 0)
    return [{ dtype: c.dtype(2), shape }]
  },
  rows(c) {
    const layout = c.layout(2)
    if (layout === undefined) return refuse('its first part has no rows')
    if (layout.axis === c.axis(c.int('axis', 0), c.rank(2))) return refuse('it puts rows after rows')
    for (let i = 5; i < c.inputCount; i += 3) {
      const own = c.layout(i)
      if (own?.axis !== layout.axis || own.unit !== layout.unit || own.height !== layout.height) {
        return refuse('its inputs do not have the same rows')
      }
    }
    return rowwise([layout])
  },
}

/** Fully connected: a, scale, zero point, b, scale, zero point, bias, output scale, zero point. */
const gemm: Operator = {
  op: 'QGemm',
  domain: DOMAIN,
  kind: 'gemm',
  infer(c) {
    const [m = 0, k = 0] = c.int('transA', 0) === 0 ? c.shape(0) : [...c.shape(0)].reverse()
    const [kB = 0, n = 0] = c.int('transB', 0) === 0 ? c.shape(3) : [...c.shape(3)].reverse()
    if (k !== kB) throw c.fail(`inputs [${c.shape(0)}] and [${c.shape(3)}] do not fit`)
    return [{ dtype: c.has(8) ? c.dtype(8) : 'float32', shape: [m, n] }]
  },
  cost(c, [output]) {
    const elements = product(output?.shape ?? [])
    const fan = c.shape(0)[c.int('transA', 0) === 0 ? 1 : 0] ?? 1
    return { macs: elements * fan, flops: (2 * fan - 1) * elements }
  },
  settings: [1, 2, 4, 5, 7, 8],
  rows: () => refuse('it is fully connected'),
}

export const contributed: readonly Operator[] = [
  binary('QLinearAdd'),
  binary('QLinearMul'),
  unary('QLinearSigmoid'),
  unary('QLinearLeakyRelu'),
  quantised(globalPool('GlobalAveragePool'), 'QLinearGlobalAveragePool'),
  quantised(pool('AveragePool'), 'QLinearAveragePool'),
  concat,
  gemm,
]
