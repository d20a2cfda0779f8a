import * as tf from '@tensorflow/tfjs-core'
import type { Lowering } from '../node-context.ts'

type Unary = (x: tf.Tensor) => tf.Tensor

/** An operator without attributes. */
export const unary =
  (compute: Unary): Lowering =>
  (c) => {
    const x = c.value(0)
    return (env) => compute(x(env))
  }

export const leakyRelu: Lowering = (c) => {
  const x = c.value(0)
  const alpha = c.float('alpha', 0.01)
  return (env) => tf.leakyRelu(x(env), alpha)
}

export const elu: Lowering = (c) => {
  const x = c.value(0)
  const alpha = c.float('alpha', 1)
  if (alpha === 1) return (env) => tf.elu(x(env))
  return (env) => {
    const value = x(env)
    return tf.add(tf.relu(value), tf.mul(alpha, tf.expm1(tf.minimum(value, 0))))
  }
}

export const prelu: Lowering = (c) => {
  const x = c.value(0)
  const slope = c.operand(1, c.shape(0).length)
  return (env) => tf.prelu(x(env), slope(env))
}

export const hardSigmoid: Lowering = (c) => {
  const x = c.value(0)
  const [alpha, beta] = [c.float('alpha', 0.2), c.float('beta', 0.5)]
  return (env) => tf.clipByValue(tf.add(tf.mul(x(env), alpha), beta), 0, 1)
}

export const hardSwish: Unary = (x) => tf.mul(x, tf.clipByValue(tf.add(tf.mul(x, 1 / 6), 0.5), 0, 1))

/** Bounds are attributes up to opset 10 and optional inputs from 11 on; both must be known when the model is loaded. */
export const clip: Lowering = (c) => {
  const x = c.value(0)
  const { min, max } = clipBounds(c)
  if (min === 0 && max === 6) return (env) => tf.relu6(x(env))
  if (min === 0 && max === Number.POSITIVE_INFINITY) return (env) => tf.relu(x(env))
  if (max === Number.POSITIVE_INFINITY) return (env) => tf.maximum(x(env), min)
  if (min === Number.NEGATIVE_INFINITY) return (env) => tf.minimum(x(env), max)
  return (env) => tf.clipByValue(x(env), min, max)
}

export function clipBounds(c: Parameters<Lowering>[0]): { min: number; max: number } {
  const min = c.opset >= 11 ? c.numbers(1)?.[0] : c.float('min', Number.NEGATIVE_INFINITY)
  const max = c.opset >= 11 ? c.numbers(2)?.[0] : c.float('max', Number.POSITIVE_INFINITY)
  return {
    min: min === undefined || min <= -3.4e38 ? Number.NEGATIVE_INFINITY : min,
    max: max === undefined || max >= 3.4e38 ? Number.POSITIVE_INFINITY : max,
  }
}

/** The exact form and the tanh approximation. */
export const gelu: Lowering = (c) => {
  const x = c.value(0)
  if (c.text('approximate', 'none') === 'tanh') {
    return (env) => {
      const value = x(env)
      const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(value, tf.mul(0.044715, tf.pow(value, 3))))
      return tf.mul(tf.mul(value, 0.5), tf.add(1, tf.tanh(inner)))
    }
  }
  return (env) => {
    const value = x(env)
    return tf.mul(tf.mul(value, 0.5), tf.add(1, tf.erf(tf.mul(value, Math.SQRT1_2))))
  }
}

export const mish: Unary = (x) => tf.mul(x, tf.tanh(tf.softplus(x)))
