import { elementCount, type FeatureMap } from '@roomful/tensor'
import { NetWriter } from '../onnx/net-writer.ts'

/** A net to be timed: input `x`, output `y`. */
export interface TimedNet {
  readonly model: Uint8Array
  readonly input: FeatureMap<'float32'>
  /** Multiply-accumulates of one run, bias excluded. */
  readonly macs: number
}

/** Operator classes that are timed apart; the names are the predictor's (planner/predictor/work.ts). */
export type MicroKind = 'conv' | 'pointwise' | 'depthwise' | 'dense' | 'pool' | 'elementwise'

/** One layer of a chain: its work, and the bytes it writes (dense: and the weights it reads), as the predictor counts. */
export interface LayerWork {
  readonly macs: number
  readonly bytes: number
}

/**
 * `length` equal layers in a row on `[1, channels, height, width]` (dense: `[1, channels]`). Weights are 1 / fan-in, so
 * that values stay near 1: denormal numbers would slow a CPU down and falsify the time.
 */
export function chainNet(
  kind: MicroKind,
  channels: number,
  height: number,
  width: number,
  length: number,
): TimedNet & { readonly layer: LayerWork } {
  const net = new NetWriter()
  const dims = kind === 'dense' ? [1, channels] : [1, channels, height, width]
  const input: FeatureMap<'float32'> = { dtype: 'float32', dims, data: new Float32Array(elementCount(dims)).fill(1) }
  let x = net.input('x', dims)
  for (let i = 0; i < length; i++) x = layer(net, kind, x, channels, i === length - 1 ? 'y' : `l${i}`)
  net.output(x, dims)
  const work = layerWork(kind, channels, elementCount(dims))
  return { model: net.build(), input, macs: work.macs * length, layer: work }
}

function layer(net: NetWriter, kind: MicroKind, x: string, channels: number, output: string): string {
  const weights = (dims: readonly number[], fan: number) =>
    net.constant({ dtype: 'float32', dims, data: new Float32Array(elementCount(dims)).fill(1 / fan) })
  switch (kind) {
    case 'conv':
      return net.node('Conv', [x, weights([channels, channels, 3, 3], channels * 9)], { pads: [1, 1, 1, 1] }, output)
    case 'pointwise':
      return net.node('Conv', [x, weights([channels, channels, 1, 1], channels)], {}, output)
    case 'depthwise':
      return net.node('Conv', [x, weights([channels, 1, 3, 3], 9)], { pads: [1, 1, 1, 1], group: channels }, output)
    case 'dense':
      return net.node('Gemm', [x, weights([channels, channels], channels)], {}, output)
    case 'pool':
      return net.node('MaxPool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, output)
    case 'elementwise':
      return net.node('Add', [x, 'x'], {}, output)
  }
}

function layerWork(kind: MicroKind, channels: number, elements: number): LayerWork {
  const bytes = elements * 4
  switch (kind) {
    case 'conv':
      return { macs: elements * channels * 9, bytes }
    case 'pointwise':
      return { macs: elements * channels, bytes }
    case 'depthwise':
      return { macs: elements * 9, bytes }
    case 'dense':
      return { macs: channels * channels, bytes: bytes + channels * channels * 4 }
    default:
      return { macs: 0, bytes }
  }
}
