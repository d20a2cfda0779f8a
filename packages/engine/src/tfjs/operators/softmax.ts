import * as tf from '@tensorflow/tfjs-core'
import { storedAxis, toOnnx, toStored } from '../layout.ts'
import type { Lowering } from '../node-context.ts'

/** From opset 13 along one axis; before, over all axes from `axis` on, taken together. */
const normalised =
  (along: (x: tf.Tensor, axis: number) => tf.Tensor): Lowering =>
  (c) => {
    const shape = c.shape(0)
    const rank = shape.length
    const axis = (c.int('axis', c.opset >= 13 ? -1 : 1) + rank) % rank
    const x = c.value(0)
    if (c.opset >= 13 || shape.slice(axis + 1).every((dim) => dim === 1)) {
      const stored = storedAxis(axis, rank)
      return (env) => along(x(env), stored)
    }
    const rows = shape.slice(0, axis).reduce((product, dim) => product * dim, 1)
    return (env) => toStored(tf.reshape(along(tf.reshape(toOnnx(x(env)), [rows, -1]), 1), [...shape]))
  }

/** TensorFlow.js has the softmax of the last axis only. */
export const softmax = normalised((x, axis) => {
  if (axis === x.rank - 1) return tf.softmax(x)
  const powers = tf.exp(tf.sub(x, tf.max(x, axis, true)))
  return tf.div(powers, tf.sum(powers, axis, true))
})

export const logSoftmax = normalised((x, axis) => {
  const centred = tf.sub(x, tf.max(x, axis, true))
  return tf.sub(centred, tf.log(tf.sum(tf.exp(centred), axis, true)))
})
