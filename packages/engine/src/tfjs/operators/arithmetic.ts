import type * as tf from '@tensorflow/tfjs-core'
import type { Lowering } from '../node-context.ts'

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor

/** Two operands with ONNX (NumPy) broadcasting. */
export const binary =
  (compute: Binary): Lowering =>
  (c) => {
    const rank = Math.max(c.shape(0).length, c.shape(1).length)
    const [a, b] = [c.operand(0, rank), c.operand(1, rank)]
    return (env) => compute(a(env), b(env))
  }

/** Any number of operands, folded from the left; `finish` sees the result and how many there were. */
export const variadic =
  (compute: Binary, finish: (result: tf.Tensor, count: number) => tf.Tensor = (x) => x): Lowering =>
  (c) => {
    const rank = c.outputShape().length
    const operands = c.node.inputs.map((_, index) => c.operand(index, rank))
    return (env) => {
      const [first, ...others] = operands.map((operand) => operand(env))
      if (first === undefined) return c.fail('no inputs')
      return finish(others.reduce(compute, first), operands.length)
    }
  }
