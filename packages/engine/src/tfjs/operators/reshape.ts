import * as tf from '@tensorflow/tfjs-core'
import { storedPermutation, storedShape, toOnnx, toStored } from '../layout.ts'
import type { Kernel, Lowering, NodeContext } from '../node-context.ts'

/** Reshape, Flatten, Squeeze, Unsqueeze: ONNX's element order under the output's static shape. */
export const reshape: Lowering = (c) => {
  const x = c.value(0)
  const shape = [...c.outputShape()]
  return (env) => toStored(tf.reshape(toOnnx(x(env)), shape))
}

export const transpose: Lowering = (c) => {
  const rank = c.shape(0).length
  const perm = c.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i)
  const stored = storedPermutation(perm)
  const x = c.value(0)
  return (env) => tf.transpose(x(env), stored)
}

/** Identity, Dropout (inference), Cast between floats. */
export const identity: Lowering = (c) => same(c)

function same(c: NodeContext): Kernel {
  const x = c.value(0)
  return (env) => x(env).clone()
}

const FLOAT32 = 1
const CASTS: readonly number[] = [FLOAT32]

export const cast: Lowering = (c) => {
  const to = c.int('to', FLOAT32)
  if (!CASTS.includes(to)) c.fail(`to the ONNX type ${to}; activations are float32 here`)
  return same(c)
}

export const expand: Lowering = (c) => {
  const shape = c.outputShape()
  const x = c.operand(0, shape.length)
  return (env) => tf.broadcastTo(x(env), storedShape(shape))
}
