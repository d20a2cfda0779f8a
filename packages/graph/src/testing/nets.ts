import type { TensorName } from '@roomful/core'
import type { ModelGraph } from '../model-graph.ts'
import { type BuilderOptions, NetBuilder } from './net-builder.ts'

/** VGG-16 without weights (Simonyan and Zisserman, 2015): 13 convolutions in 5 blocks, three dense layers. */
export function vgg16(): ModelGraph {
  const net = new NetBuilder({ light: true, opset: 11 })
  let x = net.input('data', [1, 3, 224, 224])
  for (const [block, [out, count]] of [
    [64, 2],
    [128, 2],
    [256, 3],
    [512, 3],
    [512, 3],
  ].entries() as Iterable<[number, [number, number]]>) {
    for (let i = 0; i < count; i += 1) x = net.relu(net.conv(x, { out, kernel: 3 }))
    x = net.maxPool(x, 2)
    if (block === 4) x = net.op('Flatten', [x], { axis: 1 })
  }
  for (const out of [4096, 4096]) x = net.relu(net.gemm(x, out))
  return net.output(net.op('Softmax', [net.gemm(x, 1000)], { axis: 1 })).graph()
}

/** Residual blocks whose shortcut is a strided Slice with zero channels added (ResNet's option A). */
export function optionAResNet(o: BuilderOptions = {}): NetBuilder {
  const net = new NetBuilder(o)
  let x = net.relu(net.conv(net.input('x', [1, 3, 24, 20]), { out: 8, kernel: 3 }))
  for (const [width, stride] of [
    [8, 1],
    [16, 2],
    [16, 1],
    [24, 2],
  ] as const) {
    const inner = net.batchNorm(net.conv(x, { out: width, kernel: 3, stride, bias: false }))
    const outer = net.batchNorm(net.conv(net.relu(inner), { out: width, kernel: 3, bias: false }))
    const before = net.shape(x)[1] ?? 0
    let shortcut = x
    if (stride > 1) {
      const far = 2 ** 62
      shortcut =
        net.opset < 10
          ? net.op('Slice', [x], { starts: [0, 0], ends: [far, far], axes: [2, 3] })
          : net.op('Slice', [x, net.ints([0, 0]), net.ints([far, far]), net.ints([2, 3]), net.ints([stride, stride])])
    }
    if (width > before) {
      const pads = [0, Math.floor((width - before) / 2), 0, 0, 0, Math.ceil((width - before) / 2), 0, 0]
      shortcut = net.opset < 11 ? net.op('Pad', [shortcut], { pads }) : net.op('Pad', [shortcut, net.ints(pads)])
    }
    x = net.relu(net.add(outer, shortcut))
  }
  return classifier(net, x)
}

/** Dense blocks: every layer reads all before it (DenseNet). */
export function denseNet(o: BuilderOptions = {}): NetBuilder {
  const net = new NetBuilder(o)
  let x = net.conv(net.input('x', [1, 3, 32, 24]), { out: 8, kernel: 7, stride: 2, bias: false })
  x = net.maxPool(net.relu(net.batchNorm(x)), 3, 2, 1)
  for (let block = 0; block < 2; block += 1) {
    for (let layer = 0; layer < 3; layer += 1) {
      const narrow = net.conv(net.relu(net.batchNorm(x)), { out: 16, kernel: 1, bias: false })
      const grown = net.conv(net.relu(net.batchNorm(narrow)), { out: 6, kernel: 3, bias: false })
      x = net.concat([x, grown])
    }
    if (block === 0) x = net.averagePool(net.conv(net.relu(net.batchNorm(x)), { out: 12, kernel: 1 }), 2)
  }
  return classifier(net, net.relu(net.batchNorm(x)))
}

/** Channel split, depthwise convolution, concatenation and shuffle (ShuffleNet v2). */
export function shuffleNet(o: BuilderOptions = {}): NetBuilder {
  const net = new NetBuilder(o)
  let x = net.relu(net.conv(net.input('x', [1, 3, 32, 32]), { out: 16, kernel: 3, stride: 2 }))
  for (let block = 0; block < 3; block += 1) {
    const [left = '', right = ''] =
      net.opset < 13
        ? net.ops('Split', [x], 2, { axis: 1, split: [8, 8] })
        : net.ops('Split', [x, net.ints([8, 8])], 2, { axis: 1 })
    const wide = net.relu(net.conv(right, { out: 8, kernel: 1 }))
    const deep = net.conv(wide, { out: 8, kernel: 3, group: 8 })
    x = shuffle(net, net.concat([left, net.relu(net.conv(deep, { out: 8, kernel: 1 }))]), 2)
  }
  return classifier(net, x)
}

function shuffle(net: NetBuilder, x: TensorName, groups: number): TensorName {
  const [n = 1, c = 1, h = 1, w = 1] = net.shape(x)
  const grouped = net.reshape(x, [n, groups, c / groups, h, w])
  return net.reshape(net.op('Transpose', [grouped], { perm: [0, 2, 1, 3, 4] }), [n, -1, h, w])
}

/** Inverted residuals with squeeze-and-excitation; `dynamic`: sizes come from Shape, Gather and Concat (MobileNet v3). */
export function squeezeExciteNet(o: BuilderOptions & { dynamic?: boolean } = {}): NetBuilder {
  const net = new NetBuilder(o)
  let x = net.op('HardSwish', [net.conv(net.input('x', ['batch', 3, 32, 32]), { out: 8, kernel: 3, stride: 2 })])
  for (const stride of [1, 2]) {
    const wide = net.op('HardSwish', [net.conv(x, { out: 24, kernel: 1 })])
    const deep = net.conv(wide, { out: 24, kernel: 5, stride, group: 24 })
    const gated = o.dynamic ? dynamicGate(net, deep) : gate(net, deep)
    const out = net.conv(gated, { out: 8, kernel: 1 })
    x = stride === 1 ? net.add(out, x) : out
  }
  return classifier(net, x)
}

function gate(net: NetBuilder, x: TensorName): TensorName {
  const small = net.relu(net.conv(net.globalAveragePool(x), { out: 6, kernel: 1 }))
  return net.op('Mul', [x, net.op('HardSigmoid', [net.conv(small, { out: 24, kernel: 1 })])])
}

function dynamicGate(net: NetBuilder, x: TensorName): TensorName {
  const zero = net.constant('int64', [], [0])
  const batch = net.op('Unsqueeze', [net.op('Gather', [net.op('Shape', [x]), zero]), net.ints([0])])
  const flat = net.op('Reshape', [net.globalAveragePool(x), net.concat([batch, net.ints([-1])], 0)])
  const channels = net.op('Sigmoid', [net.gemm(net.relu(net.gemm(flat, 6)), 24)])
  const shape = net.op('Shape', [x])
  const head = net.op('Slice', [shape, net.ints([0]), net.ints([2])])
  const full = net.op('Reshape', [channels, net.concat([head, net.ints([1, 1])], 0)])
  return net.op('Mul', [x, net.op('Expand', [full, shape])])
}

/** Two scales out, joined by up-sampling (a feature pyramid); two outputs. */
export function pyramid(o: BuilderOptions = {}): NetBuilder {
  const net = new NetBuilder(o)
  const fine = net.relu(net.conv(net.input('x', [1, 3, 32, 32]), { out: 8, kernel: 3, stride: 2 }))
  const middle = net.op('LeakyRelu', [net.conv(fine, { out: 12, kernel: 3, stride: 2 })], { alpha: { float: 0.1 } })
  const coarse = net.relu(net.conv(middle, { out: 16, kernel: 3, stride: 2 }))
  const up = net.op(
    'Resize',
    [net.conv(coarse, { out: 12, kernel: 1 }), '', net.constant('float32', [4], [1, 1, 2, 2])],
    {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    },
  )
  const merged = net.conv(net.concat([up, middle]), { out: 10, kernel: 3 })
  const large = net.conv(merged, { out: 6, kernel: 1 })
  const small = net.conv(coarse, { out: 6, kernel: 1 })
  return net.output(large, small)
}

/** A residual net between QuantizeLinear and DequantizeLinear with fixed scales, int8 weights per channel. */
export function staticQdqNet(o: BuilderOptions = {}): NetBuilder {
  const net = new NetBuilder(o)
  const quantised = (x: TensorName, scale: number): TensorName => {
    const s = net.constant('float32', [], [scale])
    const z = net.constant('uint8', [], [120])
    return net.op('DequantizeLinear', [net.op('QuantizeLinear', [x, s, z]), s, z])
  }
  const conv = (x: TensorName, out: number, stride: number): TensorName => {
    const cin = net.shape(x)[1] ?? 1
    const shape = [out, cin, 3, 3]
    const values = Array.from({ length: out * cin * 9 }, () => net.random.int(255) - 127)
    const scales = Array.from({ length: out }, () => 0.001 + 0.003 * net.random.next())
    const zeros = scales.map(() => 0)
    const w = net.op(
      'DequantizeLinear',
      [net.constant('int8', shape, values), net.constant('float32', [out], scales), net.constant('int8', [out], zeros)],
      { axis: 0 },
    )
    return net.op('Conv', [x, w, net.weight([out], 0.05)], {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      strides: [stride, stride],
    })
  }
  let x = quantised(net.input('x', [1, 3, 24, 24]), 0.03)
  x = quantised(net.relu(conv(x, 8, 1)), 0.03)
  const inner = quantised(conv(x, 8, 1), 0.04)
  x = quantised(net.relu(net.add(inner, x)), 0.04)
  x = quantised(net.relu(conv(x, 12, 2)), 0.04)
  return classifier(net, x)
}

/** Global average, flatten, dense, softmax; the graph's one output. */
function classifier(net: NetBuilder, x: TensorName): NetBuilder {
  const flat = net.op('Flatten', [net.globalAveragePool(x)])
  return net.output(net.op('Softmax', [net.gemm(flat, 5)], { axis: 1 }))
}
