import type { TensorName } from '@roomful/core'
import fc from 'fast-check'
import { analyse } from '../../analyse.ts'
import { GraphError } from '../../error.ts'
import type { ModelGraph } from '../../model-graph.ts'
import { type AttributeLiteral, NetBuilder } from '../net-builder.ts'

/** Adds one layer; gives its output, or throws GraphError when the layer does not fit what is there. */
type Layer = (net: NetBuilder, x: TensorName) => TensorName

const size = (max: number, min = 1) => fc.integer({ min, max })
const spatialPads = fc.tuple(size(3, 0), size(3, 0), size(3, 0), size(3, 0))

const conv = fc
  .record({
    out: fc.constantFrom(4, 6),
    kernel: fc.tuple(size(5), size(5)),
    stride: size(3),
    dilation: size(3),
    group: fc.constantFrom(1, 1, 2),
    pads: spatialPads,
    autoPad: fc.option(fc.constantFrom('SAME_UPPER', 'SAME_LOWER', 'VALID'), { nil: undefined, freq: 4 }),
  })
  .map(({ autoPad, ...o }): Layer => {
    // ONNX Runtime has no dilation with SAME padding.
    return (net, x) => net.conv(x, autoPad === undefined ? o : { ...o, autoPad, dilation: 1 })
  })

const depthwise = fc.record({ kernel: size(5), stride: size(2), dilation: size(2) }).map(
  (o): Layer =>
    (net, x) => {
      const channels = net.shape(x)[1] ?? 1
      return net.conv(x, { ...o, out: channels, group: channels })
    },
)

const pool = fc
  .record({
    op: fc.constantFrom('MaxPool', 'AveragePool'),
    kernel: fc.tuple(size(4), size(4)),
    strides: fc.tuple(size(3), size(3)),
    pads: spatialPads,
    ceil: fc.boolean(),
    counted: fc.boolean(),
    dilation: size(2),
    auto: fc.option(fc.constantFrom('SAME_UPPER', 'SAME_LOWER'), { nil: undefined, freq: 6 }),
  })
  .map(
    (o): Layer =>
      (net, x) => {
        const [kh, kw] = o.kernel
        const attributes: Record<string, AttributeLiteral> = { kernel_shape: [kh, kw], strides: strides(o) }
        // ONNX Runtime wants padding below the kernel's size and, with SAME, no
        // larger strides and no dilation.
        if (o.auto === undefined)
          attributes['pads'] = o.pads.map((pad, i) => Math.min(pad, (i % 2 === 0 ? kh : kw) - 1))
        else attributes['auto_pad'] = o.auto
        if (o.op === 'AveragePool') attributes['count_include_pad'] = Number(o.counted)
        else if (net.opset >= 10 && o.auto === undefined) attributes['dilations'] = [o.dilation, o.dilation]
        if (net.opset < 10 || o.auto !== undefined || !o.ceil) return net.op(o.op, [x], attributes)
        return ceiled(net, o.op, x, attributes)
      },
  )

/**
 * With ceil_mode unless the extra window would start in the padding: there ONNX Runtime's static shapes contradict what it
 * computes, and it may refuse to run.
 */
function ceiled(net: NetBuilder, op: string, x: TensorName, attributes: Record<string, AttributeLiteral>): TensorName {
  const rewind = net.mark()
  const floored = net.shape(net.op(op, [x], attributes))
  rewind()
  const y = net.op(op, [x], { ...attributes, ceil_mode: 1 })
  if ([2, 3].every((axis) => (net.shape(y)[axis] ?? 0) > (floored[axis] ?? 0))) return y
  rewind()
  return net.op(op, [x], attributes)
}

const strides = ({ auto, kernel, strides }: { auto: string | undefined; kernel: number[]; strides: number[] }) =>
  strides.map((stride, i) => (auto === undefined ? stride : Math.min(stride, kernel[i] ?? 1)))

const activation = fc.constantFrom<Layer>(
  (net, x) => net.relu(x),
  (net, x) => net.op('Sigmoid', [x]),
  (net, x) => net.op('LeakyRelu', [x], { alpha: { float: 0.2 } }),
  (net, x) => net.op('PRelu', [x, net.weight([net.shape(x)[1] ?? 1, 1, 1], 0.1, 0.2)]),
  (net, x) => net.batchNorm(x),
  (net, x) => net.op('LRN', [x], { size: 3 }),
  (net, x) => net.op('Mul', [x, net.weight([net.shape(x)[2] ?? 1, 1], 0.3, 1)]),
  (net, x) => net.op('Softmax', [x], { axis: net.opset >= 13 ? 1 : 3 }),
)

const residual = fc.record({ kernel: fc.constantFrom(1, 3, 5), dilation: size(2), deep: fc.boolean() }).map(
  (o): Layer =>
    (net, x) => {
      const out = net.shape(x)[1] ?? 1
      const inner = net.relu(net.conv(x, { ...o, out }))
      return net.add(o.deep ? net.conv(inner, { out, kernel: 3 }) : inner, x)
    },
)

const branches = fc
  .record({ kernels: fc.array(fc.constantFrom(1, 3, 5, 7), { minLength: 2, maxLength: 3 }), stride: size(2) })
  .map(
    ({ kernels, stride }): Layer =>
      (net, x) => {
        const convs = kernels.map((kernel) => net.conv(x, { out: 2, kernel, stride }))
        return net.concat([...convs, net.maxPool(x, 3, stride, 1)])
      },
  )

const convTranspose = fc
  .record({ kernel: size(4), stride: size(3), dilation: size(2), pads: spatialPads, extra: size(1, 0), out: size(3) })
  .map(
    (o): Layer =>
      (net, x) => {
        const cin = net.shape(x)[1] ?? 1
        const extent = (o.kernel - 1) * o.dilation
        return net.op(
          'ConvTranspose',
          [x, net.weight([cin, o.out * 2, o.kernel, o.kernel], 0.3), net.weight([o.out * 2])],
          {
            kernel_shape: [o.kernel, o.kernel],
            strides: [o.stride, o.stride],
            dilations: [o.dilation, o.dilation],
            pads: o.pads.map((pad) => Math.min(pad, extent)),
            output_padding: o.extra < o.stride ? [o.extra, o.extra] : [0, 0],
          },
        )
      },
  )

const pad = fc
  .record({
    mode: fc.constantFrom('constant', 'reflect', 'edge'),
    pads: fc.tuple(...[0, 0, 0, 0].map(() => size(3, -1))),
  })
  .map(
    ({ mode, pads }): Layer =>
      (net, x) => {
        const [top = 0, left = 0, bottom = 0, right = 0] = mode === 'constant' ? pads : pads.map((p) => Math.max(0, p))
        const all = [0, 0, top, left, 0, 0, bottom, right]
        return net.opset < 11 ? net.op('Pad', [x], { mode, pads: all }) : net.op('Pad', [x, net.ints(all)], { mode })
      },
  )

const slice = fc.record({ start: size(4, -6), end: size(99, 6), step: size(3) }).map(
  ({ start, end, step }): Layer =>
    (net, x) => {
      if (net.opset < 10) return net.op('Slice', [x], { axes: [2, 1], starts: [start, 0], ends: [end, 4] })
      const begin = start < 0 ? -(net.shape(x)[2] ?? 1) : start
      return net.op('Slice', [x, net.ints([begin, 0]), net.ints([end, 99]), net.ints([-2, 3]), net.ints([step, 1])])
    },
)

const resize = fc
  .record({
    mode: fc.constantFrom('nearest', 'linear', 'cubic'),
    coordinates: fc.constantFrom('asymmetric', 'half_pixel', 'pytorch_half_pixel'),
    nearest: fc.constantFrom('floor', 'ceil', 'round_prefer_floor', 'round_prefer_ceil'),
    scale: fc.constantFrom(2, 3, 0.5, 1),
    bySizes: fc.boolean(),
    sizes: fc.tuple(fc.constantFrom(1.5, 2, 4 / 3, 0.5), size(2)),
  })
  .map(
    (o): Layer =>
      (net, x) => {
        const [n = 1, c = 1, h = 1, w = 1] = net.shape(x)
        if (net.opset < 11) {
          return net.op('Upsample', [x, net.constant('float32', [4], [1, 1, 2, 2])], { mode: 'nearest' })
        }
        const attributes = {
          mode: o.mode,
          coordinate_transformation_mode: o.coordinates,
          nearest_mode: o.nearest,
        }
        const roi = net.opset >= 13 ? '' : net.constant('float32', [0], [])
        const scaled = h * o.sizes[0]
        if (o.bySizes && Number.isInteger(scaled)) {
          const none = net.opset >= 13 ? '' : net.constant('float32', [0], [])
          return net.op('Resize', [x, roi, none, net.ints([n, c, scaled, w * o.sizes[1]])], attributes)
        }
        return net.op('Resize', [x, roi, net.constant('float32', [4], [1, 1, o.scale, o.scale])], attributes)
      },
  )

const rearrange = fc.constantFrom<Layer>(
  (net, x) => {
    const [n = 1, c = 1, h = 1, w = 1] = net.shape(x)
    const grouped = net.reshape(x, [n, 2, c / 2, h, w])
    return net.reshape(net.op('Transpose', [grouped], { perm: [0, 2, 1, 3, 4] }), [n, c, h, w])
  },
  (net, x) => {
    const [, c = 1, h = 1, w = 1] = net.shape(x)
    const flat = net.op('Transpose', [net.reshape(x, [c / 2, 2, h * w])], { perm: [1, 0, 2] })
    const parts = net.reshape(flat, [2, -1, c / 2, h, w])
    const part = (i: number) => net.op('Gather', [parts, net.constant('int64', [], [i])], { axis: 0 })
    return net.concat([net.relu(part(1)), part(0)])
  },
  (net, x) => {
    const last = net.op('Transpose', [x], { perm: [0, 2, 3, 1] })
    const scaled = net.add(last, net.weight([net.shape(x)[1] ?? 1]))
    return net.op('Transpose', [scaled], { perm: [0, 3, 1, 2] })
  },
  (net, x) => net.op('SpaceToDepth', [x], { blocksize: 2 }),
  (net, x) => net.op('DepthToSpace', [x], { blocksize: 2 }),
  (net, x) => {
    const half = (net.shape(x)[1] ?? 2) / 2
    const parts =
      net.opset < 13
        ? net.ops('Split', [x], 2, { axis: 1, split: [half, half] })
        : net.ops('Split', [x, net.ints([half, half])], 2, { axis: 1 })
    const [a = '', b = ''] = parts
    return net.concat([net.conv(b, { out: half, kernel: 3 }), a])
  },
)

const layer: fc.Arbitrary<Layer> = fc.oneof(
  { weight: 5, arbitrary: conv },
  { weight: 4, arbitrary: pool },
  { weight: 2, arbitrary: activation },
  { weight: 2, arbitrary: residual },
  { weight: 2, arbitrary: branches },
  { weight: 1, arbitrary: depthwise },
  { weight: 1, arbitrary: convTranspose },
  { weight: 1, arbitrary: pad },
  { weight: 1, arbitrary: slice },
  { weight: 1, arbitrary: resize },
  { weight: 2, arbitrary: rearrange },
)

const MAX_SIDE = 48

/** A graph that a failing property prints as its list of nodes. */
export class RandomNet {
  readonly graph: ModelGraph

  constructor(graph: ModelGraph) {
    this.graph = graph
  }

  [fc.toStringMethod](): string {
    const { tensors } = analyse(this.graph)
    const lines = this.graph.nodes.map(({ op, inputs, outputs, attributes }) => {
      const literals = [...attributes].map(([name, a]) => `${name}=${a.kind === 'other' ? '?' : a.value}`)
      const shapes = outputs.map((name) => `${name}[${tensors.get(name)?.shape}]`)
      return `${shapes} = ${op}(${inputs}) ${literals.join(' ')}`
    })
    return `opset ${this.graph.opset}\n${lines.join('\n')}\n`
  }
}

/** Small nets of random layers on one input of 4 channels; layers that do not fit are left out. */
export const randomNet: fc.Arbitrary<RandomNet> = fc
  .record({
    opset: fc.constantFrom(9, 11, 13, 18, 21),
    seed: fc.nat(1000),
    height: size(26, 7),
    width: size(9, 5),
    layers: fc.array(layer, { minLength: 2, maxLength: 6 }),
  })
  .map(({ opset, seed, height, width, layers }) => {
    const net = new NetBuilder({ opset, seed })
    let x = net.relu(net.input('x', [1, 4, height, width]))
    for (const add of layers) x = attempt(net, x, add)
    return new RandomNet(net.output(net.op('Neg', [x])).graph())
  })

/** The tensor after the layer, or the one before it when the layer does not fit; its dead nodes are pruned when cut. */
function attempt(net: NetBuilder, x: TensorName, add: Layer): TensorName {
  const rewind = net.mark()
  try {
    const y = add(net, x)
    const [, , h = 0, w = 0] = net.shape(y)
    if (h > 0 && w > 0 && h <= MAX_SIDE && w <= MAX_SIDE && net.shape(y).length === 4) return y
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
  }
  rewind()
  return x
}
