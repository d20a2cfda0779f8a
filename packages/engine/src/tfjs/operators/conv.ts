import * as tf from '@tensorflow/tfjs-core'
import { type Constant, transposed } from '../constants.ts'
import type { Kernel, Lowering, NodeContext } from '../node-context.ts'
import { type ExplicitPads, explicitPads, noPads, type Window2d, window2d } from './window.ts'

type Convolve = (x: tf.Tensor4D) => tf.Tensor4D

/** Conv: whole, depthwise (one input channel per group) and grouped. Bias and a following ReLU go into the same kernel. */
export const conv: Lowering = (c) => {
  const weights = c.weights(1)
  const [out = 1, perGroup = 1, ...kernel] = weights.dims
  const window = window2d(c, kernel)
  const group = c.int('group', 1)
  const channels = c.shape(0)[1] ?? 1
  const bias = c.has(2) ? (c.upload(c.weights(2).values, [out]) as tf.Tensor1D) : undefined
  if (group === 1) return apply(c, whole(c, weights, window, bias))
  if (group === channels && perGroup === 1) return apply(c, depthwise(c, weights, window, bias))
  return apply(c, grouped(c, weights, window, group, bias))
}

function apply(c: NodeContext, convolve: Convolve): Kernel {
  const x = c.value(0)
  return (env) => convolve(x(env) as tf.Tensor4D)
}

/** TensorFlow.js refuses strides together with dilations: then the convolution runs at stride 1 and is thinned out. */
function steps(window: Window2d) {
  const both = window.strides.some((s) => s > 1) && window.dilations.some((d) => d > 1)
  const [rows, columns] = window.strides
  const thin = (y: tf.Tensor4D): tf.Tensor4D =>
    both ? (tf.stridedSlice(y, [0, 0, 0, 0], y.shape, [1, rows, columns, 1]) as tf.Tensor4D) : y
  const strides: [number, number] = both ? [1, 1] : [rows, columns]
  const pad: ExplicitPads | 'valid' = noPads(window.pads) ? 'valid' : explicitPads(window.pads)
  return { strides, pad, thin, dilations: [...window.dilations] as [number, number] }
}

function whole(c: NodeContext, weights: Constant, window: Window2d, bias: tf.Tensor1D | undefined): Convolve {
  const filter = c.upload(transposed(weights, [2, 3, 1, 0]), order(weights.dims, [2, 3, 1, 0])) as tf.Tensor4D
  const { strides, pad, thin, dilations } = steps(window)
  return (x) =>
    thin(
      tf.fused.conv2d({
        x,
        filter,
        strides,
        pad,
        dilations,
        ...(bias === undefined ? {} : { bias }),
        ...(c.fused === undefined ? {} : { activation: c.fused }),
      }),
    )
}

/** `[C * m, 1, kh, kw]` -> `[kh, kw, C, m]`: ONNX and TensorFlow.js order the m outputs of a channel alike. */
function depthwise(c: NodeContext, weights: Constant, window: Window2d, bias: tf.Tensor1D | undefined): Convolve {
  const [out = 1, , rows = 1, columns = 1] = weights.dims
  const channels = c.shape(0)[1] ?? 1
  const perChannel = { dims: [channels, out / channels, rows, columns], values: weights.values }
  const filter = c.upload(transposed(perChannel, [2, 3, 0, 1]), order(perChannel.dims, [2, 3, 0, 1])) as tf.Tensor4D
  const { strides, thin, dilations } = steps(window)
  // This one takes no explicit pads: equal ones as a number, others are made real before.
  const [first] = window.pads
  const equal = window.pads.every((pad) => pad === first)
  const around = (x: tf.Tensor4D) => (equal ? x : tf.pad(x, explicitPads(window.pads)))
  return (x) =>
    thin(
      tf.fused.depthwiseConv2d({
        x: around(x),
        filter,
        strides,
        pad: equal ? first : 'valid',
        dilations,
        ...(bias === undefined ? {} : { bias }),
        ...(c.fused === undefined ? {} : { activation: c.fused }),
      }),
    )
}

function grouped(
  c: NodeContext,
  weights: Constant,
  window: Window2d,
  group: number,
  bias: tf.Tensor1D | undefined,
): Convolve {
  const [out = 1, perGroup = 1, rows = 1, columns = 1] = weights.dims
  const dims = [out / group, perGroup, rows, columns]
  const size = weights.values.length / group
  const filters = Array.from({ length: group }, (_, g) => {
    const part = { dims, values: weights.values.subarray(g * size, (g + 1) * size) }
    return c.upload(transposed(part, [2, 3, 1, 0]), order(dims, [2, 3, 1, 0])) as tf.Tensor4D
  })
  const { strides, pad, thin, dilations } = steps(window)
  return (x) => {
    const parts = tf.split(x, group, 3) as tf.Tensor4D[]
    const outputs = parts.map((part, g) => tf.conv2d(part, filters[g] as tf.Tensor4D, strides, pad, 'NHWC', dilations))
    const joined = thin(tf.concat(outputs, 3))
    const biased = bias === undefined ? joined : tf.add(joined, bias)
    if (c.fused === undefined) return biased as tf.Tensor4D
    return (c.fused === 'relu' ? tf.relu(biased) : tf.relu6(biased)) as tf.Tensor4D
  }
}

const order = (dims: readonly number[], axes: readonly number[]): number[] => axes.map((axis) => dims[axis] ?? 1)
