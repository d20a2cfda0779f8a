import * as tf from '@tensorflow/tfjs-core'
import { storedAxis } from '../layout.ts'
import type { Lowering } from '../node-context.ts'

/** In inference form: one factor and one offset per channel, made once. */
export const batchNormalization: Lowering = (c) => {
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((index) => c.weights(index).values)
  if (scale === undefined || shift === undefined || mean === undefined || variance === undefined)
    return c.fail('inputs')
  if (c.int('training_mode', 0) !== 0) c.fail('training mode')
  const epsilon = c.float('epsilon', 1e-5)
  const rank = c.shape(0).length
  const factor = scale.map((s, i) => s / Math.sqrt((variance[i] ?? 0) + epsilon))
  const offset = shift.map((b, i) => b - (mean[i] ?? 0) * (factor[i] ?? 0))
  // Channels are last in stored rank 4 and in rank 2; elsewhere they are axis 1.
  const shape = rank === 4 || rank === 2 ? [scale.length] : [scale.length, ...new Array<number>(rank - 2).fill(1)]
  const [a, b] = [c.upload(factor, shape), c.upload(offset, shape)]
  const x = c.value(0)
  return (env) => tf.add(tf.mul(x(env), a), b)
}

/** ONNX divides alpha by the window, TensorFlow.js does not; the window must be odd to be centred. */
export const localResponse: Lowering = (c) => {
  const size = c.int('size', 1)
  if (size % 2 === 0 || c.shape(0).length !== 4) c.fail(`window ${size} on rank ${c.shape(0).length}`)
  const [alpha, beta, bias] = [c.float('alpha', 1e-4), c.float('beta', 0.75), c.float('bias', 1)]
  const x = c.value(0)
  return (env) => tf.localResponseNormalization(x(env) as tf.Tensor4D, (size - 1) / 2, bias, alpha / size, beta)
}

export const instanceNormalization: Lowering = (c) => {
  const rank = c.shape(0).length
  if (rank !== 4) c.fail(`rank ${rank}`)
  const epsilon = c.float('epsilon', 1e-5)
  const [scale, shift] = [1, 2].map((index) => c.upload(c.weights(index).values, c.weights(index).dims))
  if (scale === undefined || shift === undefined) return c.fail('inputs')
  const x = c.value(0)
  return (env) => {
    const { mean, variance } = tf.moments(x(env), [1, 2], true)
    return tf.add(tf.mul(tf.div(tf.sub(x(env), mean), tf.sqrt(tf.add(variance, epsilon))), scale), shift)
  }
}

/** Over the axes from `axis` on. */
export const layerNormalization: Lowering = (c) => {
  if (c.node.outputs.filter((name) => name !== '').length > 1) c.fail('the outputs Mean and InvStdDev')
  const rank = c.shape(0).length
  const first = (c.int('axis', -1) + rank) % rank
  const axes = Array.from({ length: rank - first }, (_, i) => storedAxis(first + i, rank))
  const epsilon = c.float('epsilon', 1e-5)
  const scale = c.operand(1, rank)
  const shift = c.has(2) ? c.operand(2, rank) : undefined
  const x = c.value(0)
  return (env) => {
    const { mean, variance } = tf.moments(x(env), axes, true)
    const scaled = tf.mul(tf.div(tf.sub(x(env), mean), tf.sqrt(tf.add(variance, epsilon))), scale(env))
    return shift === undefined ? scaled : tf.add(scaled, shift(env))
  }
}
