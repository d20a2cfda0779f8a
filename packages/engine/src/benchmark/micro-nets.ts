import type { ElementwiseKind, LayerShape } from '@roomful/core'
import { elementCount, type FeatureMap } from '@roomful/tensor'
import { NetWriter } from '../onnx/net-writer.ts'

/** A net of the micro-benchmark: input `x`, output `y`, and what its layers are to a predictor. */
export interface MicroNet {
  readonly model: Uint8Array
  readonly input: FeatureMap<'float32'>
  readonly layers: readonly LayerShape[]
  readonly inputElements: number
  readonly outputElements: number
}

/** What to build; `repeat` equal layers in a row (their input and output must then have the same shape). */
export type MicroSpec =
  | {
      readonly op: 'conv'
      readonly from: number
      readonly to: number
      readonly height: number
      readonly width: number
      readonly kernel: number
      readonly stride?: number
      readonly groups?: number
      /** What follows the convolution and is fused into it. Default `relu`. */
      readonly tail?: 'relu' | 'clip' | 'residual'
      readonly repeat?: number
    }
  | { readonly op: 'dense'; readonly from: number; readonly to: number }
  | {
      readonly op: 'max-pool' | 'average-pool'
      readonly channels: number
      readonly size: number
      readonly kernel: number
      readonly stride: number
    }
  | {
      readonly op: 'global-pool' | 'identity' | keyof typeof ELEMENTWISE
      readonly channels: number
      readonly size: number
      readonly repeat?: number
    }

/** Operators by the name of their case, and the class of layer that they stand for. */
const ELEMENTWISE = {
  add: ['Add', 'arithmetic'],
  relu: ['Relu', 'activation'],
  prelu: ['PRelu', 'activation'],
  concat: ['Concat', 'copy'],
  transpose: ['Transpose', 'copy'],
  sigmoid: ['Sigmoid', 'function'],
  softmax: ['Softmax', 'normalise'],
  lrn: ['LRN', 'normalise'],
} as const satisfies Readonly<Record<string, readonly [string, ElementwiseKind]>>

/** Weights are positive and 1 / fan-in, so that values stay near 1: denormal numbers would falsify the time. */
export function microNet(spec: MicroSpec): MicroNet {
  switch (spec.op) {
    case 'conv':
      return convNet(spec)
    case 'dense': {
      const net = new NetWriter()
      const x = net.input('x', [1, spec.from])
      net.node('Gemm', [x, filled(net, [spec.to, spec.from], 1 / spec.from)], { transB: 1 }, 'y')
      return finish(net, [1, spec.from], [1, spec.to], [{ kind: 'dense', inputs: spec.from, outputs: spec.to }])
    }
    case 'max-pool':
    case 'average-pool': {
      const { channels, size, kernel, stride } = spec
      const pad = (kernel - 1) >> 1
      const side = Math.floor((size + 2 * pad - kernel) / stride) + 1
      const net = new NetWriter()
      const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] }
      net.node(spec.op === 'max-pool' ? 'MaxPool' : 'AveragePool', [net.input('x', square(spec))], attributes, 'y')
      const output = [1, channels, side, side]
      const layer = { kind: 'pool', taps: kernel * kernel, stride, elements: elementCount(output) } as const
      return finish(net, square(spec), output, [layer])
    }
    case 'global-pool': {
      const net = new NetWriter()
      net.node('GlobalAveragePool', [net.input('x', square(spec))], {}, 'y')
      const layer = { kind: 'pool', taps: 1, stride: 0, elements: elementCount(square(spec)) } as const
      return finish(net, square(spec), [1, spec.channels, 1, 1], [layer])
    }
    case 'identity': {
      const net = new NetWriter()
      net.node('Identity', [net.input('x', square(spec))], {}, 'y')
      return finish(net, square(spec), square(spec), [])
    }
    default:
      return elementwiseNet(spec.op, spec)
  }
}

type ConvSpec = Extract<MicroSpec, { op: 'conv' }>

function convNet(spec: ConvSpec): MicroNet {
  const { from, to, height, width, kernel, stride = 1, groups = 1, tail = 'relu', repeat = 1 } = spec
  const pad = kernel >> 1
  const side = (size: number) => Math.floor((size + 2 * pad - kernel) / stride) + 1
  const [rows, columns] = [side(height), side(width)]
  const input = [1, from, height, width]
  const output = [1, to, rows, columns]
  const fan = (from / groups) * kernel * kernel
  const net = new NetWriter()
  let x = net.input('x', input)
  const layers: LayerShape[] = []
  for (let i = 0; i < repeat; i++) {
    const weights = filled(net, [to, from / groups, kernel, kernel], 1 / fan)
    const attributes = { pads: [pad, pad, pad, pad], strides: [stride, stride], group: groups }
    let y = net.node('Conv', [x, weights, filled(net, [to], 0.01)], attributes)
    layers.push({
      kind: 'conv',
      inputChannels: from,
      outputChannels: to,
      groups,
      taps: kernel * kernel,
      stride,
      rows,
      columns,
    })
    if (tail === 'residual') y = net.node('Add', [y, x])
    const name = i === repeat - 1 ? 'y' : `l${i}`
    x =
      tail === 'clip'
        ? net.node('Clip', [y, filled(net, [], 0), filled(net, [], 6)], {}, name)
        : net.node('Relu', [y], {}, name)
    if (tail !== 'relu') layers.push({ kind: 'fused', elements: elementCount(output) })
  }
  return finish(net, input, output, layers)
}

interface Square {
  readonly channels: number
  readonly size: number
  readonly repeat?: number
}

function elementwiseNet(name: keyof typeof ELEMENTWISE, spec: Square): MicroNet {
  const { channels, size, repeat = 1 } = spec
  const [operator, kind] = ELEMENTWISE[name]
  const net = new NetWriter()
  let x = net.input('x', square(spec))
  let output: readonly number[] = square(spec)
  for (let i = 0; i < repeat; i++) {
    const y = i === repeat - 1 ? 'y' : `l${i}`
    if (name === 'add') x = net.node('Add', [x, 'x'], {}, y)
    else if (name === 'prelu') x = net.node('PRelu', [x, filled(net, [channels, 1, 1], 0.25)], {}, y)
    else if (name === 'concat') {
      x = net.node('Concat', [x, 'x'], { axis: 1 }, y)
      output = [1, 2 * channels, size, size]
    } else if (name === 'transpose') {
      x = net.node('Transpose', [x], { perm: [0, 2, 3, 1] }, y)
      output = [1, size, size, channels]
    } else if (name === 'lrn') {
      x = net.node('LRN', [x], { size: 5, alpha: { float: 1e-4 }, beta: { float: 0.75 }, bias: { float: 1 } }, y)
    } else if (name === 'softmax') x = net.node('Softmax', [x], { axis: 1 }, y)
    else x = net.node(operator, [x], {}, y)
  }
  const layer = { kind, elements: elementCount(output) }
  return finish(net, square(spec), output, new Array<LayerShape>(repeat).fill(layer))
}

const square = ({ channels, size }: Square): number[] => [1, channels, size, size]

function filled(net: NetWriter, dims: readonly number[], value: number): string {
  return net.constant({ dtype: 'float32', dims, data: new Float32Array(elementCount(dims)).fill(value) })
}

function finish(
  net: NetWriter,
  input: readonly number[],
  output: readonly number[],
  layers: readonly LayerShape[],
): MicroNet {
  net.output('y', output)
  const inputElements = elementCount(input)
  const data = new Float32Array(inputElements).fill(1)
  return {
    model: net.build(),
    input: { dtype: 'float32', dims: input, data },
    layers,
    inputElements,
    outputElements: elementCount(output),
  }
}
