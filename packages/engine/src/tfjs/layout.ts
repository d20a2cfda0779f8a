import * as tf from '@tensorflow/tfjs-core'

/**
 * ONNX's pictures are NCHW; TensorFlow.js computes NHWC. Every activation of rank 4 is kept as NHWC inside a program
 * ("stored"), all other ranks as ONNX has them; conversions happen at inputs, outputs and where ranks change.
 */
const STORED_AXES = [0, 2, 3, 1] as const
const ONNX_AXES = [0, 3, 1, 2] as const

/** Where an ONNX axis lies in the stored form; negative axes count from the end. */
export function storedAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  return rank === 4 ? (ONNX_AXES[positive] ?? positive) : positive
}

/** An ONNX shape in stored order. */
export function storedShape(shape: readonly number[]): number[] {
  return shape.length === 4 ? STORED_AXES.map((axis) => shape[axis] ?? 1) : [...shape]
}

/** Values given per ONNX axis, in stored order. */
export function storedOrder<T>(perAxis: readonly T[]): T[] {
  return perAxis.length === 4 ? STORED_AXES.map((axis) => perAxis[axis] as T) : [...perAxis]
}

/** NCHW -> NHWC; without moving data where channels or pixels are one. */
export function toStored(x: tf.Tensor): tf.Tensor {
  if (x.rank !== 4) return x
  const [n = 1, c = 1, h = 1, w = 1] = x.shape
  return c === 1 || h * w === 1 ? tf.reshape(x, [n, h, w, c]) : tf.transpose(x, [...STORED_AXES])
}

/** NHWC -> NCHW; without moving data where channels or pixels are one. */
export function toOnnx(x: tf.Tensor): tf.Tensor {
  if (x.rank !== 4) return x
  const [n = 1, h = 1, w = 1, c = 1] = x.shape
  return c === 1 || h * w === 1 ? tf.reshape(x, [n, c, h, w]) : tf.transpose(x, [...ONNX_AXES])
}

/** The permutation of stored axes that does what ONNX's `perm` does. */
export function storedPermutation(perm: readonly number[]): number[] {
  if (perm.length !== 4) return [...perm]
  return STORED_AXES.map((axis) => storedAxis(perm[axis] ?? 0, 4))
}
