import * as tf from '@tensorflow/tfjs-core'
import type { Lowering } from '../node-context.ts'
import { explicitPads, noPads, type Window2d, window2d } from './window.ts'

const padOf = (pads: Window2d['pads']) => (noPads(pads) ? 'valid' : explicitPads(pads))

/** Padding never wins: TensorFlow.js skips it. */
export const maxPool: Lowering = (c) => {
  const window = window2d(c)
  if (window.dilations.some((d) => d > 1)) c.fail('dilations')
  if (c.node.outputs.length > 1) c.fail('the output Indices')
  const x = c.value(0)
  const kernel = [...window.kernel] as [number, number]
  const strides = [...window.strides] as [number, number]
  const pad = padOf(window.padsToFit)
  return (env) => tf.maxPool(x(env) as tf.Tensor4D, kernel, strides, pad)
}

/** TensorFlow.js divides by the elements inside; ONNX's count_include_pad wants the zeros counted: they are made real. */
export const averagePool: Lowering = (c) => {
  const window = window2d(c)
  if (window.dilations.some((d) => d > 1)) c.fail('dilations')
  const x = c.value(0)
  const kernel = [...window.kernel] as [number, number]
  const strides = [...window.strides] as [number, number]
  if (c.int('count_include_pad', 0) === 0 || noPads(window.pads)) {
    const pad = padOf(window.padsToFit)
    return (env) => tf.avgPool(x(env) as tf.Tensor4D, kernel, strides, pad)
  }
  const zeros = explicitPads(window.pads)
  const [, , bottom, right] = window.pads
  const [, , fitBottom, fitRight] = window.padsToFit
  const rest = padOf([0, 0, fitBottom - bottom, fitRight - right])
  return (env) => tf.avgPool(tf.pad(x(env), zeros) as tf.Tensor4D, kernel, strides, rest)
}

export const globalAveragePool: Lowering = (c) => {
  if (c.shape(0).length !== 4) c.fail('only pictures [N, C, H, W] run here')
  const x = c.value(0)
  return (env) => tf.mean(x(env), [1, 2], true)
}

export const globalMaxPool: Lowering = (c) => {
  if (c.shape(0).length !== 4) c.fail('only pictures [N, C, H, W] run here')
  const x = c.value(0)
  return (env) => tf.max(x(env), [1, 2], true)
}
