import * as tf from '@tensorflow/tfjs-core'
import { storedAxis } from '../layout.ts'
import type { Lowering } from '../node-context.ts'

export const concat: Lowering = (c) => {
  const axis = storedAxis(c.int('axis', 1), c.outputShape().length)
  const operands = c.node.inputs.map((_, index) => c.value(index))
  return (env) =>
    tf.concat(
      operands.map((operand) => operand(env)),
      axis,
    )
}

/** Sizes are taken from the static shapes of the outputs. */
export const split: Lowering = (c) => {
  const onnxAxis = c.int('axis', 0)
  const rank = c.shape(0).length
  const sizes = c.node.outputs.map((_, index) => c.outputShape(index).at(onnxAxis) ?? 0)
  const axis = storedAxis(onnxAxis, rank)
  const x = c.value(0)
  return (env) => tf.split(x(env), sizes, axis)
}

/** Constant, whole-number indices along one axis. */
export const gather: Lowering = (c) => {
  const rank = c.shape(0).length
  const onnxAxis = (c.int('axis', 0) + rank) % rank
  const { dims, values } = c.weights(1)
  if (dims.length > 1) c.fail(`indices of rank ${dims.length}`)
  const size = c.shape(0)[onnxAxis] ?? 0
  const indices = c.indices(Int32Array.from(values, (index) => (index < 0 ? index + size : index)))
  const axis = storedAxis(onnxAxis, rank)
  const x = c.value(0)
  const shape = [...c.outputShape()]
  return (env) => {
    const taken = tf.gather(x(env), indices, axis)
    return dims.length === 0 ? squeezed(taken, rank, shape) : taken
  }
}

/** A scalar index drops its axis: the rest in ONNX order, then in stored order of the smaller rank. */
function squeezed(taken: tf.Tensor, rank: number, shape: number[]): tf.Tensor {
  const onnx = rank === 4 ? tf.transpose(taken, [0, 3, 1, 2]) : taken
  const out = tf.reshape(onnx, shape)
  return shape.length === 4 ? tf.transpose(out, [0, 2, 3, 1]) : out
}
