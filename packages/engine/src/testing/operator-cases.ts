import type { NetBuilder } from '@roomful/graph/testing'

/** Builds a net on a fresh builder: input(s) to output(s). */
export interface OperatorCase {
  readonly title: string
  readonly opset?: number
  build(net: NetBuilder): void
}

type Attributes = Parameters<NetBuilder['op']>[2]

/** One operator on one picture `[1, 6, 9, 7]`. */
function one(
  title: string,
  op: string,
  attributes: Attributes = {},
  dims = [1, 6, 9, 7],
  opset?: number,
): OperatorCase {
  const build = (net: NetBuilder) => void net.output(net.op(op, [net.input('x', dims)], attributes))
  return { title, build, ...(opset === undefined ? {} : { opset }) }
}

function of(
  title: string,
  build: (net: NetBuilder, x: string) => string,
  opset?: number,
  dims = [1, 6, 9, 7],
): OperatorCase {
  return {
    title,
    build: (net) => void net.output(build(net, net.input('x', dims))),
    ...(opset === undefined ? {} : { opset }),
  }
}

const CONVOLUTIONS: readonly OperatorCase[] = [
  of('Conv 3x3 with bias', (n, x) => n.conv(x, { out: 5, kernel: 3 })),
  of('Conv 1x1', (n, x) => n.conv(x, { out: 5, kernel: 1, bias: false })),
  of('Conv with a ReLU of its own', (n, x) => n.relu(n.conv(x, { out: 5, kernel: 3 }))),
  of('Conv whose ReLU another node reads too', (n, x) => {
    const y = n.conv(x, { out: 6, kernel: 3 })
    return n.add(n.relu(y), y)
  }),
  of('Conv with Clip 0..6', (n, x) =>
    n.op('Clip', [n.conv(x, { out: 5, kernel: 3 }), n.constant('float32', [], [0]), n.constant('float32', [], [6])]),
  ),
  of('Conv 5x3 stride 2 with pads on two sides', (n, x) =>
    n.conv(x, { out: 4, kernel: [5, 3], stride: 2, pads: [2, 1, 0, 0] }),
  ),
  of('Conv dilated', (n, x) => n.conv(x, { out: 4, kernel: 3, dilation: 2 })),
  of('Conv dilated and strided', (n, x) => n.conv(x, { out: 4, kernel: 3, dilation: 2, stride: 2 })),
  of('Conv SAME_UPPER', (n, x) => n.conv(x, { out: 4, kernel: 4, stride: 2, autoPad: 'SAME_UPPER' })),
  of('Conv SAME_LOWER', (n, x) => n.conv(x, { out: 4, kernel: 4, stride: 2, autoPad: 'SAME_LOWER' })),
  of('Conv VALID', (n, x) => n.conv(x, { out: 4, kernel: 3, autoPad: 'VALID' })),
  of('Conv depthwise', (n, x) => n.relu(n.conv(x, { out: 6, kernel: 3, group: 6 }))),
  of('Conv depthwise, two outputs per channel, uneven pads, stride 2', (n, x) =>
    n.conv(x, { out: 12, kernel: 3, group: 6, stride: 2, pads: [0, 1, 1, 0] }),
  ),
  of('Conv in three groups', (n, x) => n.relu(n.conv(x, { out: 9, kernel: 3, group: 3, stride: 2 }))),
  of('BatchNormalization', (n, x) => n.batchNorm(x)),
  of('LRN', (n, x) => n.op('LRN', [x], { size: 3, alpha: { float: 0.02 }, beta: { float: 0.75 }, bias: { float: 2 } })),
  of('InstanceNormalization', (n, x) => n.op('InstanceNormalization', [x, n.weight([6]), n.weight([6])])),
  of('LayerNormalization', (n, x) => n.op('LayerNormalization', [x, n.weight([7]), n.weight([7])], { axis: -1 }), 17),
]

const POOLS: readonly OperatorCase[] = [
  one('MaxPool 3x3 stride 2 with pads', 'MaxPool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  one('MaxPool ceil_mode', 'MaxPool', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
  one('MaxPool SAME_UPPER', 'MaxPool', { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }),
  one('AveragePool', 'AveragePool', { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 0, 1] }),
  one('AveragePool that counts its pads', 'AveragePool', {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    count_include_pad: 1,
  }),
  one('AveragePool ceil_mode', 'AveragePool', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
  one('GlobalAveragePool', 'GlobalAveragePool'),
  one('GlobalMaxPool', 'GlobalMaxPool'),
  one('ReduceMean over rows and columns', 'ReduceMean', { axes: [2, 3], keepdims: 0 }),
  one('ReduceMean over rows, kept', 'ReduceMean', { axes: [-2], keepdims: 1 }),
  one('ReduceMax over rows, dropped', 'ReduceMax', { axes: [2], keepdims: 0 }),
  one('ReduceMean over everything', 'ReduceMean', { keepdims: 0 }),
  of('ReduceSum with its axes as an input', (n, x) => n.op('ReduceSum', [x, n.ints([1])], { keepdims: 0 }), 13),
  of('ReduceMin of opset 18', (n, x) => n.op('ReduceMin', [x, n.ints([3])], { keepdims: 0 }), 18),
]

const ACTIVATIONS: readonly OperatorCase[] = [
  ...[
    'Relu',
    'Sigmoid',
    'Tanh',
    'Exp',
    'Neg',
    'Abs',
    'Erf',
    'Floor',
    'Ceil',
    'Selu',
    'Softplus',
    'Elu',
    'HardSigmoid',
    'Identity',
  ].map((op) => one(op, op)),
  one('HardSwish', 'HardSwish', {}, [1, 6, 9, 7], 14),
  one('Mish', 'Mish', {}, [1, 6, 9, 7], 18),
  one('Gelu', 'Gelu', {}, [1, 6, 9, 7], 20),
  one('Gelu tanh', 'Gelu', { approximate: 'tanh' }, [1, 6, 9, 7], 20),
  one('LeakyRelu', 'LeakyRelu', { alpha: { float: 0.2 } }),
  one('Elu with alpha', 'Elu', { alpha: { float: 0.5 } }),
  one('HardSigmoid with attributes', 'HardSigmoid', { alpha: { float: 0.3 }, beta: { float: 0.4 } }),
  of('Sqrt, Log and Reciprocal', (n, x) =>
    n.op('Reciprocal', [
      n.op('Log', [n.op('Sqrt', [n.op('Exp', [n.add(n.op('Abs', [x]), n.constant('float32', [], [2]))])])]),
    ]),
  ),
  of('PRelu', (n, x) => n.op('PRelu', [x, n.weight([6, 1, 1])])),
  of('Clip with one bound', (n, x) => n.op('Clip', [x, '', n.constant('float32', [], [0.5])])),
  of('Clip with bounds in attributes', (n, x) => n.op('Clip', [x], { min: { float: -0.5 }, max: { float: 0.25 } }), 10),
  of('Dropout', (n, x) => n.op('Dropout', [x])),
  of('Cast to float32', (n, x) => n.op('Cast', [x], { to: 1 })),
]

const ARITHMETIC: readonly OperatorCase[] = [
  of('Add of two maps', (n, x) => n.add(n.relu(x), x)),
  of('Mul by one factor per channel', (n, x) => n.op('Mul', [x, n.weight([6, 1, 1])])),
  of('Sub of a row', (n, x) => n.op('Sub', [n.weight([7]), x])),
  of('Div by a plane', (n, x) => n.op('Div', [x, n.op('Exp', [n.weight([9, 7])])])),
  of('Pow by a scalar', (n, x) => n.op('Pow', [n.op('Abs', [x]), n.constant('float32', [], [1.5])])),
  of('squeeze and excite', (n, x) => {
    const squeezed = n.op('Sigmoid', [n.conv(n.op('GlobalAveragePool', [x]), { out: 6, kernel: 1 })])
    return n.op('Mul', [x, squeezed])
  }),
  of('Sum, Mean, Max and Min of three', (n, x) => {
    const three = [x, n.relu(x), n.weight([1, 6, 1, 1])]
    return n.op('Sum', [n.op('Mean', three), n.op('Max', three), n.op('Min', three)])
  }),
  of('a map and a vector of lower rank that depends on it', (n, x) => {
    const rows = n.op('ReduceMean', [x], { axes: [0, 1, 2], keepdims: 0 })
    return n.add(x, rows)
  }),
]

const SHAPES: readonly OperatorCase[] = [
  of('Concat over channels', (n, x) => n.concat([x, n.relu(x), x])),
  of('Concat over rows', (n, x) => n.concat([x, n.relu(x)], 2)),
  of('Concat of vectors', (n, x) => {
    const flat = n.op('Flatten', [x])
    return n.concat([flat, n.relu(flat)], -1)
  }),
  {
    title: 'Split over channels',
    build: (n) => {
      const parts = n.ops('Split', [n.input('x', [1, 6, 9, 7]), n.ints([1, 3, 2])], 3, { axis: 1 })
      n.output(...parts)
    },
  },
  of('Slice with negative bounds', (n, x) => n.op('Slice', [x, n.ints([-5, 1]), n.ints([-1, 1000]), n.ints([2, -1])])),
  of('Slice with steps', (n, x) => n.op('Slice', [x, n.ints([1, 0]), n.ints([9, 7]), n.ints([2, 3]), n.ints([2, 3])])),
  of('Slice of opset 9', (n, x) => n.op('Slice', [x], { starts: [1], ends: [4], axes: [1] }), 9),
  of('Pad with zeros', (n, x) => n.op('Pad', [x, n.ints([0, 1, 2, 0, 0, 2, 0, 3])])),
  of('Pad with a value', (n, x) =>
    n.op('Pad', [x, n.ints([0, 0, 1, 1, 0, 0, 1, 1]), n.constant('float32', [], [0.7])]),
  ),
  of('Pad reflect', (n, x) => n.op('Pad', [x, n.ints([0, 0, 2, 1, 0, 0, 1, 2])], { mode: 'reflect' })),
  of('Pad of opset 10', (n, x) => n.op('Pad', [x], { pads: [0, 0, 1, 0, 0, 0, 0, 1] }), 10),
  of('Reshape to other pictures', (n, x) => n.reshape(x, [1, 3, 18, 7])),
  of('Flatten and Unsqueeze', (n, x) => n.op('Unsqueeze', [n.op('Flatten', [x]), n.ints([0])])),
  of('Squeeze', (n, x) => n.op('Squeeze', [n.op('GlobalAveragePool', [x]), n.ints([2, 3])])),
  of('Transpose to NHWC', (n, x) => n.op('Transpose', [x], { perm: [0, 2, 3, 1] })),
  of('Transpose of rank 3', (n, x) => n.op('Transpose', [n.reshape(x, [6, 9, 7])], { perm: [2, 0, 1] })),
  of('channel shuffle', (n, x) => {
    const split = n.reshape(x, [1, 2, 3, 9, 7])
    return n.reshape(n.op('Transpose', [split], { perm: [0, 2, 1, 3, 4] }), [1, 6, 9, 7])
  }),
  of('Gather of channels', (n, x) => n.op('Gather', [x, n.ints([4, -1, 0])], { axis: 1 })),
  of('Gather of one row', (n, x) => n.op('Gather', [x, n.constant('int64', [], [3])], { axis: 2 })),
  of('Expand', (n, x) => n.op('Expand', [n.op('GlobalAveragePool', [x]), n.ints([1, 6, 4, 5])])),
]

const DENSE: readonly OperatorCase[] = [
  of('Gemm', (n, x) => n.gemm(n.op('Flatten', [x]), 10)),
  of('Gemm with factors and a ReLU', (n, x) => {
    const flat = n.op('Flatten', [n.op('GlobalAveragePool', [x])])
    const y = n.op('Gemm', [flat, n.weight([6, 10]), n.weight([10])], { alpha: { float: 0.5 }, beta: { float: 2 } })
    return n.relu(y)
  }),
  of('MatMul of rank 3 by a matrix', (n, x) => n.op('MatMul', [n.reshape(x, [1, 54, 7]), n.weight([7, 5])])),
  of('MatMul of two maps of rank 4', (n, x) => n.op('MatMul', [x, n.op('Transpose', [x], { perm: [0, 1, 3, 2] })])),
  one('Softmax over channels', 'Softmax', { axis: 1 }),
  one('Softmax over the last axis', 'Softmax', {}),
  one('Softmax of opset 11 over all axes from 1', 'Softmax', { axis: 1 }, [2, 3, 2, 2], 11),
  one('LogSoftmax', 'LogSoftmax', { axis: 2 }),
]

const WEIGHTS: readonly OperatorCase[] = [
  of(
    'Gemm by a matrix that the model reshapes and transposes',
    (n, x) => {
      const matrix = n.op('Transpose', [n.reshape(n.weight([8, 400]), [10, 320])])
      return n.op('MatMul', [n.reshape(x, [1, 320]), matrix])
    },
    13,
    [1, 5, 8, 8],
  ),
  of('Conv by weights that are kept in eight bits', (n, x) => {
    const values = Array.from({ length: 5 * 6 * 9 }, (_, i) => ((i * 37) % 255) - 127)
    const scales = n.constant('float32', [5], [0.01, 0.02, 0.015, 0.01, 0.03])
    const zeros = n.constant('int8', [5], [0, 1, -2, 0, 3])
    const weights = n.op('DequantizeLinear', [n.constant('int8', [5, 6, 3, 3], values), scales, zeros], { axis: 0 })
    return n.op('Conv', [x, weights], { pads: [1, 1, 1, 1] })
  }),
]

const RESIZES: readonly OperatorCase[] = [
  ...['asymmetric', 'half_pixel', 'align_corners', 'pytorch_half_pixel'].flatMap((transform) => [
    of(`Resize linear ${transform}`, (n, x) =>
      resize(n, x, { mode: 'linear', coordinate_transformation_mode: transform }, [1, 1, 2, 2]),
    ),
    of(`Resize nearest ${transform}`, (n, x) =>
      resize(n, x, { mode: 'nearest', coordinate_transformation_mode: transform }, [1, 1, 2, 3]),
    ),
  ]),
  ...['floor', 'ceil', 'round_prefer_ceil'].map((mode) =>
    of(`Resize nearest ${mode} by other than whole factors`, (n, x) =>
      resize(n, x, { mode: 'nearest', nearest_mode: mode }, [1, 1, 0.7, 1.6]),
    ),
  ),
  of('Resize linear down to a half', (n, x) => resize(n, x, { mode: 'linear' }, [1, 1, 0.5, 0.5]), 13, [1, 6, 8, 6]),
  of('Upsample', (n, x) => n.op('Upsample', [x, n.constant('float32', [4], [1, 1, 2, 2])], { mode: 'nearest' }), 9),
]

function resize(n: NetBuilder, x: string, attributes: NonNullable<Attributes>, scales: number[]): string {
  return n.op('Resize', [x, '', n.constant('float32', [4], scales)], attributes)
}

/** Windows, pads and coordinates: where backends of one library differ from each other, if anywhere. */
export const WINDOW_CASES: readonly OperatorCase[] = [...CONVOLUTIONS.slice(2, 14), ...POOLS.slice(0, 6), ...RESIZES]

export const OPERATOR_CASES: readonly OperatorCase[] = [
  ...CONVOLUTIONS,
  ...POOLS,
  ...ACTIVATIONS,
  ...ARITHMETIC,
  ...SHAPES,
  ...DENSE,
  ...WEIGHTS,
  ...RESIZES,
]
