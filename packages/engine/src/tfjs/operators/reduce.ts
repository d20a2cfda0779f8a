import * as tf from '@tensorflow/tfjs-core'
import { storedAxis, toOnnx, toStored } from '../layout.ts'
import type { Lowering } from '../node-context.ts'

/** Axes are an attribute before `axesInputFrom` and a constant input from that opset on; none means all of them. */
export const reduce =
  (compute: (x: tf.Tensor, axes: number[], keep: boolean) => tf.Tensor, axesInputFrom: number): Lowering =>
  (c) => {
    const rank = c.shape(0).length
    const given = c.opset >= axesInputFrom ? c.numbers(1) : c.ints('axes')
    const x = c.value(0)
    if ((given === undefined || given.length === 0) && c.int('noop_with_empty_axes', 0) !== 0) {
      return (env) => x(env).clone()
    }
    const axes = (given?.length ? given : Array.from({ length: rank }, (_, i) => i)).map((a) => storedAxis(a, rank))
    if (c.int('keepdims', 1) !== 0) return (env) => compute(x(env), axes, true)
    const shape = [...c.outputShape()]
    return (env) => toStored(tf.reshape(toOnnx(compute(x(env), axes, true)), shape))
  }

export const reduceMean = reduce((x, axes, keep) => tf.mean(x, axes, keep), 18)
export const reduceMax = reduce((x, axes, keep) => tf.max(x, axes, keep), 18)
export const reduceMin = reduce((x, axes, keep) => tf.min(x, axes, keep), 18)
export const reduceSum = reduce((x, axes, keep) => tf.sum(x, axes, keep), 13)
