import { describe, expect, it } from 'vitest'
import { analyse } from '../analyse.ts'
import { knownOperators } from '../index.ts'
import { type AttributeLiteral, NetBuilder } from '../testing/index.ts'
import { randomFeeds, runGraph } from '../testing/node/index.ts'

type Make = (net: NetBuilder, x: string) => string | string[]
type Attributes = Readonly<Record<string, AttributeLiteral>>

const ALL = [7, 9, 11, 13, 15, 18, 21]
const since = (opset: number) => ALL.filter((o) => o >= opset)
const before = (opset: number) => ALL.filter((o) => o < opset)

/** One node on a [2,4,9,8] input. */
const plain =
  (op: string, attributes: Attributes = {}): Make =>
  (net, x) =>
    net.op(op, [x], attributes)
const floats = (net: NetBuilder, values: readonly number[]) => net.constant('float32', [values.length], values)
const byte = (net: NetBuilder, value: number) => net.constant('uint8', [], [value])
const scalar = (net: NetBuilder, value: number) => net.constant('float32', [], [value])
const quantised = (net: NetBuilder, x: string) => net.op('QuantizeLinear', [x, scalar(net, 0.01), byte(net, 100)])
const bytes = (net: NetBuilder, shape: readonly number[]) =>
  net.constant(
    'uint8',
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => net.random.int(256)),
  )

const ACTIVATIONS: [string, number][] = [
  ...['Relu', 'LeakyRelu', 'Elu', 'Selu', 'Softplus', 'Softsign', 'Sigmoid', 'HardSigmoid', 'Tanh', 'Identity'].map(
    (op): [string, number] => [op, 7],
  ),
  ...['Abs', 'Neg', 'Exp', 'Sqrt', 'Floor', 'Ceil', 'Reciprocal', 'Sin'].map((op): [string, number] => [op, 7]),
  ...(
    [
      ['Sign', 9],
      ['Erf', 9],
      ['Round', 11],
      ['HardSwish', 15],
      ['Mish', 18],
      ['Gelu', 21],
      ['IsNaN', 9],
    ] as const
  ).map(([op, opset]): [string, number] => [op, opset]),
]

const CASES: readonly [name: string, opsets: readonly number[], make: Make][] = [
  ...ACTIVATIONS.map(([op, opset]): [string, number[], Make] => [op, since(opset), plain(op)]),
  ['Clip with attributes', before(11), plain('Clip', { min: { float: 0 }, max: { float: 6 } })],
  ['Clip with inputs', since(11), (net, x) => net.op('Clip', [x, scalar(net, 0), scalar(net, 6)])],
  ['Clip with one bound', since(11), (net, x) => net.op('Clip', [x, '', scalar(net, 6)])],
  [
    'Conv, strides and unequal pads',
    ALL,
    (net, x) => net.conv(x, { out: 6, kernel: [3, 2], stride: 2, pads: [1, 0, 2, 1] }),
  ],
  ['Conv, dilation and groups', ALL, (net, x) => net.conv(x, { out: 8, kernel: 3, dilation: 2, group: 4 })],
  ['Conv, SAME_UPPER', ALL, (net, x) => net.conv(x, { out: 2, kernel: 4, stride: 3, autoPad: 'SAME_UPPER' })],
  ['Conv, SAME_LOWER', ALL, (net, x) => net.conv(x, { out: 2, kernel: 4, stride: 2, autoPad: 'SAME_LOWER' })],
  ['Conv, VALID', ALL, (net, x) => net.conv(x, { out: 2, kernel: 4, stride: 2, autoPad: 'VALID' })],
  [
    'Conv of one dimension',
    ALL,
    (net, x) => net.op('Conv', [net.reshape(x, [2, 4, 72]), net.weight([5, 4, 3])], { pads: [1, 0], strides: [2] }),
  ],
  [
    'ConvTranspose with output_padding',
    ALL,
    (net, x) =>
      net.op('ConvTranspose', [x, net.weight([4, 3, 3, 3])], {
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        output_padding: [1, 1],
      }),
  ],
  [
    'ConvTranspose with output_shape',
    ALL,
    (net, x) => net.op('ConvTranspose', [x, net.weight([4, 3, 3, 3])], { strides: [2, 2], output_shape: [18, 16] }),
  ],
  [
    'ConvTranspose, SAME_UPPER, groups',
    ALL,
    (net, x) =>
      net.op('ConvTranspose', [x, net.weight([4, 3, 3, 3])], { strides: [2, 2], auto_pad: 'SAME_UPPER', group: 2 }),
  ],
  ['MaxPool', ALL, plain('MaxPool', { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] })],
  ['MaxPool, ceil_mode', since(11), plain('MaxPool', { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 })],
  ['MaxPool, dilations', since(11), plain('MaxPool', { kernel_shape: [2, 3], dilations: [2, 2] })],
  ['MaxPool with indices', since(9), (net, x) => net.ops('MaxPool', [x], 2, { kernel_shape: [2, 2], strides: [2, 2] })],
  ['MaxPool, SAME_UPPER', ALL, plain('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' })],
  ['AveragePool, ceil_mode', since(11), plain('AveragePool', { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 })],
  [
    'AveragePool, count_include_pad',
    ALL,
    plain('AveragePool', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  ],
  ['LpPool', ALL, plain('LpPool', { kernel_shape: [2, 2], p: 2 })],
  ['GlobalAveragePool', ALL, plain('GlobalAveragePool')],
  ['GlobalMaxPool', ALL, plain('GlobalMaxPool')],
  ['BatchNormalization', ALL, (net, x) => net.batchNorm(x)],
  ['LRN', ALL, plain('LRN', { size: 3 })],
  ['InstanceNormalization', ALL, (net, x) => net.op('InstanceNormalization', [x, net.weight([4]), net.weight([4])])],
  ['LayerNormalization', since(18), (net, x) => net.op('LayerNormalization', [x, net.weight([8])], { axis: -1 })],
  ['PRelu by channel', ALL, (net, x) => net.op('PRelu', [x, net.weight([4, 1, 1])])],
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow'].map((op): [string, number[], Make] => [
    `${op} broadcast`,
    ALL,
    (net, x) => net.op(op, [x, net.weight([2, 1, 9, 1], 0.1, 2)]),
  ]),
  ['Add to a smaller one', ALL, (net, x) => net.op('Add', [net.weight([8]), x])],
  ...['Min', 'Max', 'Sum', 'Mean'].map((op): [string, number[], Make] => [
    `${op} of three`,
    since(9),
    (net, x) => net.op(op, [x, net.weight([1, 4, 1, 1]), net.weight([8])]),
  ]),
  ['Greater', since(9), (net, x) => net.op('Greater', [x, scalar(net, 0)])],
  ['Equal', since(11), (net, x) => net.op('Equal', [x, scalar(net, 0)])],
  ['Where', since(9), (net, x) => net.op('Where', [net.op('Less', [x, scalar(net, 0)]), x, net.weight([8])])],
  ['Concat', ALL, (net, x) => net.concat([x, net.relu(x), net.weight([2, 1, 9, 8])])],
  ['Split by attribute', before(13), (net, x) => net.ops('Split', [x], 2, { axis: 1, split: [1, 3] })],
  ['Split by input', since(13), (net, x) => net.ops('Split', [x, net.ints([1, 3])], 2, { axis: 1 })],
  [
    'Split into equal parts',
    since(13),
    (net, x) => net.ops('Split', [x], 2, net.opset >= 18 ? { axis: -1, num_outputs: 2 } : { axis: -1 }),
  ],
  ['Split with a smaller last part', since(18), (net, x) => net.ops('Split', [x], 2, { axis: 2, num_outputs: 2 })],
  ['Slice by attributes', before(10), plain('Slice', { starts: [1, -3], ends: [99, -1], axes: [2, 3] })],
  [
    'Slice by inputs',
    since(11),
    (net, x) => net.op('Slice', [x, net.ints([1, -3]), net.ints([99, -1]), net.ints([2, -1])]),
  ],
  [
    'Slice with steps, one backwards',
    since(11),
    (net, x) => net.op('Slice', [x, net.ints([0, -1]), net.ints([99, -99]), net.ints([2, 3]), net.ints([2, -3])]),
  ],
  ['Pad by attribute', before(11), plain('Pad', { pads: [0, 0, 1, 2, 0, 1, 0, -1] })],
  ['Pad by input', since(11), (net, x) => net.op('Pad', [x, net.ints([0, 0, 1, 2, 0, 1, 0, -1]), scalar(net, 1)])],
  [
    'Pad of some axes',
    since(18),
    (net, x) => net.op('Pad', [x, net.ints([1, 2, 3, 0]), '', net.ints([2, -1])], { mode: 'edge' }),
  ],
  ['Upsample by attribute', [7], plain('Upsample', { scales: { floats: [1, 1, 2, 1.5] }, mode: 'nearest' })],
  ['Upsample by input', [9], (net, x) => net.op('Upsample', [x, floats(net, [1, 1, 2, 3])], { mode: 'linear' })],
  [
    'Resize by scales',
    since(11),
    (net, x) => net.op('Resize', [x, floats(net, []), floats(net, [1, 1, 1.5, 0.6])], { mode: 'linear' }),
  ],
  ['Resize by sizes', since(13), (net, x) => net.op('Resize', [x, '', '', net.ints([2, 4, 7, 20])], { mode: 'cubic' })],
  ['Resize of some axes', since(18), (net, x) => net.op('Resize', [x, '', '', net.ints([7, 20])], { axes: [2, 3] })],
  [
    'Resize that keeps the aspect ratio',
    since(18),
    (net, x) =>
      net.op('Resize', [x, '', '', net.ints([27, 27])], { axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' }),
  ],
  ['Transpose', ALL, plain('Transpose', { perm: [0, 2, 3, 1] })],
  ['Transpose, reversed', ALL, plain('Transpose')],
  ['Reshape with 0 and -1', ALL, (net, x) => net.reshape(x, [0, -1, 3])],
  ['Flatten', ALL, plain('Flatten', { axis: 2 })],
  [
    'Squeeze',
    ALL,
    (net, x) => {
      const one = net.globalAveragePool(x)
      return net.opset < 13 ? net.op('Squeeze', [one], { axes: [2, 3] }) : net.op('Squeeze', [one, net.ints([-1, 2])])
    },
  ],
  ['Squeeze of all', ALL, (net, x) => net.op('Squeeze', [net.globalAveragePool(x)])],
  [
    'Unsqueeze',
    ALL,
    (net, x) =>
      net.opset < 13 ? net.op('Unsqueeze', [x], { axes: [1, 4] }) : net.op('Unsqueeze', [x, net.ints([1, -2])]),
  ],
  ['Shape', ALL, plain('Shape')],
  ['Shape of some axes', since(15), plain('Shape', { start: 1, end: -1 })],
  ['Size', ALL, plain('Size')],
  ['Gather by scalar', ALL, (net, x) => net.op('Gather', [x, net.constant('int64', [], [1])], { axis: 1 })],
  ['Gather by list', ALL, (net, x) => net.op('Gather', [x, net.constant('int64', [2, 2], [1, 0, 3, 2])], { axis: 1 })],
  ['Expand', since(9), (net, x) => net.op('Expand', [net.globalAveragePool(x), net.ints([3, 1, 1, 5, 1])])],
  ['Tile', ALL, (net, x) => net.op('Tile', [x, net.ints([1, 2, 1, 3])])],
  ['Cast', ALL, plain('Cast', { to: 6 })],
  ['Dropout', ALL, plain('Dropout')],
  ['Gemm', ALL, (net, x) => net.gemm(net.op('Flatten', [x]), 5)],
  [
    'Gemm, transposed',
    ALL,
    (net, x) => net.op('Gemm', [net.op('Flatten', [x]), net.weight([2, 7]), net.weight([7])], { transA: 1 }),
  ],
  ['MatMul', since(9), (net, x) => net.op('MatMul', [x, net.weight([8, 3])])],
  ['MatMul with a vector', since(9), (net, x) => net.op('MatMul', [x, net.weight([8])])],
  ['MatMul of batches', since(9), (net, x) => net.op('MatMul', [net.weight([4, 5, 9]), x])],
  ...['Softmax', 'LogSoftmax'].map((op): [string, number[], Make] => [op, ALL, plain(op, { axis: 1 })]),
  ...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL2', 'ReduceProd'].map((op): [string, number[], Make] => [
    op,
    ALL,
    (net, x) =>
      net.opset < 18
        ? net.op(op, [x], { axes: [2, -1], keepdims: 0 })
        : net.op(op, [x, net.ints([2, -1])], { keepdims: 0 }),
  ]),
  [
    'ReduceSum',
    ALL,
    (net, x) => (net.opset < 13 ? net.op('ReduceSum', [x], { axes: [1] }) : net.op('ReduceSum', [x, net.ints([1])])),
  ],
  ['ReduceMean of all', ALL, plain('ReduceMean', { keepdims: 0 })],
  ['ArgMax', ALL, plain('ArgMax', { axis: 1, keepdims: 0 })],
  ['DepthToSpace', since(11), plain('DepthToSpace', { blocksize: 2 })],
  [
    'SpaceToDepth',
    since(13),
    (net, x) => net.op('SpaceToDepth', [net.op('Transpose', [x], { perm: [0, 2, 1, 3] })], { blocksize: 2 }),
  ],
  ['Constant and ConstantOfShape', since(9), (net, x) => net.add(x, net.op('ConstantOfShape', [net.ints([4, 1, 1])]))],
  [
    'Range',
    since(11),
    (net, x) => {
      const size = net.op('Gather', [net.op('Shape', [x]), net.constant('int64', [], [3])])
      const range = net.op('Range', [net.constant('int64', [], [0]), size, net.constant('int64', [], [1])])
      return net.add(x, net.op('Cast', [range], { to: 1 }))
    },
  ],
  ['QuantizeLinear', since(11), quantised],
  [
    'DequantizeLinear',
    since(11),
    (net, x) => net.op('DequantizeLinear', [quantised(net, x), scalar(net, 0.01), byte(net, 100)]),
  ],
  ['DynamicQuantizeLinear', since(11), (net, x) => net.ops('DynamicQuantizeLinear', [x], 3)],
  [
    'QLinearConv',
    since(11),
    (net, x) => {
      const scale = () => scalar(net, 0.02)
      const w = bytes(net, [6, 4, 3, 3])
      return net.op(
        'QLinearConv',
        [quantised(net, x), scale(), byte(net, 100), w, scale(), byte(net, 9), scale(), byte(net, 3)],
        {
          pads: [1, 1, 1, 1],
          strides: [2, 2],
        },
      )
    },
  ],
  [
    'ConvInteger',
    since(11),
    (net, x) => net.op('ConvInteger', [quantised(net, x), bytes(net, [6, 4, 3, 3]), byte(net, 100)]),
  ],
  ['MatMulInteger', since(11), (net, x) => net.op('MatMulInteger', [quantised(net, x), bytes(net, [8, 5])])],
  [
    'QLinearMatMul',
    since(11),
    (net, x) => {
      const scale = () => scalar(net, 0.02)
      const inputs = [
        quantised(net, x),
        scale(),
        byte(net, 100),
        bytes(net, [8, 5]),
        scale(),
        byte(net, 9),
        scale(),
        byte(net, 3),
      ]
      return net.op('QLinearMatMul', inputs)
    },
  ],
]

const CONTRIB = 'com.microsoft'
/** Scale and zero point. */
const scaled = (net: NetBuilder) => [scalar(net, 0.02), byte(net, 100)]

const CONTRIBUTED: readonly [name: string, opsets: readonly number[], make: Make][] = [
  [
    'QLinearAdd',
    [13],
    (net, x) => {
      const [q, w] = [quantised(net, x), bytes(net, [4, 1, 1])]
      return net.ops('QLinearAdd', [q, ...scaled(net), w, ...scaled(net), ...scaled(net)], 1, {}, CONTRIB)
    },
  ],
  [
    'QLinearMul',
    [13],
    (net, x) => {
      const [q, w] = [quantised(net, x), bytes(net, [1])]
      return net.ops('QLinearMul', [q, ...scaled(net), w, ...scaled(net), ...scaled(net)], 1, {}, CONTRIB)
    },
  ],
  [
    'QLinearSigmoid',
    [13],
    (net, x) => net.ops('QLinearSigmoid', [quantised(net, x), ...scaled(net), ...scaled(net)], 1, {}, CONTRIB),
  ],
  [
    'QLinearGlobalAveragePool',
    [13],
    (net, x) =>
      net.ops(
        'QLinearGlobalAveragePool',
        [quantised(net, x), ...scaled(net), ...scaled(net)],
        1,
        { channels_last: 0 },
        CONTRIB,
      ),
  ],
  [
    'QLinearAveragePool',
    [13],
    (net, x) =>
      net.ops(
        'QLinearAveragePool',
        [quantised(net, x), ...scaled(net), ...scaled(net)],
        1,
        { kernel_shape: [3, 2], strides: [2, 1] },
        CONTRIB,
      ),
  ],
  [
    'QLinearConcat',
    [13],
    (net, x) => {
      const part = () => [quantised(net, x), ...scaled(net)]
      return net.ops('QLinearConcat', [...scaled(net), ...part(), ...part()], 1, { axis: 1 }, CONTRIB)
    },
  ],
  [
    'QGemm',
    [13],
    (net, x) => {
      const q = net.op('Flatten', [quantised(net, x)])
      const inputs = [q, ...scaled(net), bytes(net, [7, 288]), ...scaled(net), '', ...scaled(net)]
      return net.ops('QGemm', inputs, 1, { transB: 1 }, CONTRIB)
    },
  ],
]

/** How PyTorch exports F.pad, interpolate and expand in opset 11 on: sizes computed by small integer graphs. */
const COMPUTED: readonly [name: string, opsets: readonly number[], make: Make][] = [
  [
    'Pad by computed pads',
    since(11),
    (net, x) => {
      const rest = net.op('ConstantOfShape', [net.ints([4])], { value: { tensor: zero } })
      const pairs = net.reshape(net.concat([net.ints([1, 2, 0, 3]), rest], 0), [-1, 2])
      const turned = net.op('Slice', [pairs, net.ints([-1]), net.ints([-(2 ** 63)]), net.ints([0]), net.ints([-1])])
      const flat = net.reshape(net.op('Transpose', [turned], { perm: [1, 0] }), [-1])
      return net.op('Pad', [x, net.op('Cast', [flat], { to: 7 })])
    },
  ],
  [
    'Resize to the size of another',
    since(13),
    (net, x) => {
      const small = net.maxPool(x, 2)
      const size = net.op('Slice', [net.op('Shape', [x]), net.ints([2]), net.ints([4]), net.ints([0])])
      const own = net.op('Slice', [net.op('Shape', [small]), net.ints([0]), net.ints([2]), net.ints([0])])
      return net.op('Resize', [small, '', '', net.concat([own, size], 0)], { mode: 'nearest' })
    },
  ],
  [
    'Expand to a computed size',
    since(13),
    (net, x) => {
      const wanted = net.concat(
        [net.ints([-1, 4]), net.op('Slice', [net.op('Shape', [x]), net.ints([2]), net.ints([4])])],
        0,
      )
      const ones = net.op('ConstantOfShape', [net.op('Shape', [wanted])], { value: { tensor: one } })
      const open = net.op('Equal', [wanted, net.op('Mul', [ones, net.ints([-1])])])
      return net.op('Expand', [net.globalAveragePool(x), net.op('Where', [open, ones, wanted])])
    },
  ],
]

const zero = { name: '', dtype: 'int64' as const, dims: [1], data: new Uint8Array(8) }
const one = { ...zero, data: Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0]) }

describe('inferred shapes and types are those that ONNX Runtime makes', () => {
  it.each([...CASES, ...CONTRIBUTED, ...COMPUTED])('%s', async (_, opsets, make) => {
    for (const opset of opsets) {
      const net = new NetBuilder({ opset })
      const made = make(net, net.input('x', [2, 4, 9, 8]))
      const names = typeof made === 'string' ? [made] : made
      const graph = net.output(...names).graph()
      const { tensors, unsupported } = analyse(graph)
      expect(unsupported).toEqual([])
      // Declared without shapes, so that ONNX Runtime finds its own.
      const undeclared = { ...graph, outputs: names.map((name) => ({ name, dtype: 'undefined' as const })) }
      const results = await runGraph(undeclared, randomFeeds(graph))
      for (const name of names) {
        const { dims, type } = results[name] ?? expect.unreachable(name)
        const { shape, dtype } = tensors.get(name) ?? expect.unreachable(name)
        expect({ shape, dtype }, `${name} in opset ${opset}`).toEqual({ shape: dims, dtype: type })
      }
    }
  })

  it('cover the operators of public CNNs', () => {
    expect(knownOperators().length).toBeGreaterThan(110)
  })
})

describe('an operator that is not known', () => {
  it('is named with its node, and the rest goes on', () => {
    const net = new NetBuilder()
    const x = net.relu(net.conv(net.input('x', [1, 3, 8, 8]), { out: 4, kernel: 3 }))
    const [odd = ''] = net.ops('FusedOdd', [x], 1, {}, 'com.example')
    const graph = net.output(net.relu(odd)).graph()
    const analysis = analyse(graph)
    expect(analysis.unsupported).toEqual([{ node: 'FusedOdd_2', op: 'com.example.FusedOdd' }])
    expect(analysis.totals.macs).toBe(8 * 8 * 4 * 27)
    expect(analysis.tensors.has(odd)).toBe(false)
  })
})
