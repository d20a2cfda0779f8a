import * as tf from '@tensorflow/tfjs-core'
import { transposed } from '../constants.ts'
import { toOnnx, toStored } from '../layout.ts'
import type { Lowering, NodeContext, Operand } from '../node-context.ts'

/** alpha * A' * B' + beta * C; a constant C takes beta beforehand. */
export const gemm: Lowering = (c) => {
  const a = c.value(0)
  const { b, transposeB } = rightOf(c)
  const transposeA = c.int('transA', 0) !== 0
  const [alpha, beta] = [c.float('alpha', 1), c.float('beta', 1)]
  const bias = c.has(2) ? scaled(c, beta) : undefined
  return (env) => {
    const product = tf.matMul(a(env), b(env), transposeA, transposeB)
    const grown = alpha === 1 ? product : tf.mul(product, alpha)
    const sum = bias === undefined ? grown : tf.add(grown, bias(env))
    if (c.fused === undefined) return sum
    return c.fused === 'relu' ? tf.relu(sum) : tf.relu6(sum)
  }
}

/**
 * Weights that are to be transposed are so beforehand: in the WASM backend only products of matrices that lie as they are used go to
 * XNNPACK; a layer of 8192 x 4096 took 32 ms transposed, and 5 ms so.
 */
function rightOf(c: NodeContext): { readonly b: Operand; readonly transposeB: boolean } {
  const transposeB = c.int('transB', 0) !== 0
  const weights = transposeB ? c.constant(1) : undefined
  const [rows = 0, columns = 0] = weights?.dims ?? []
  if (weights === undefined || weights.dims.length !== 2) return { b: c.value(1), transposeB }
  const b = c.upload(transposed(weights, [1, 0]), [columns, rows])
  return { b: () => b, transposeB: false }
}

function scaled(c: NodeContext, beta: number) {
  const constant = c.constant(2)
  if (constant !== undefined) {
    const tensor = c.upload(
      constant.values.map((x) => x * beta),
      constant.dims,
    )
    return () => tensor
  }
  const value = c.value(2)
  return beta === 1 ? value : (env: Parameters<typeof value>[0]) => tf.mul(value(env), beta)
}

/** NumPy's rules for ranks 2 and more. */
export const matMul: Lowering = (c) => {
  const [ranksA, ranksB] = [c.shape(0).length, c.shape(1).length]
  if (ranksA < 2 || ranksB < 2) c.fail(`operands of rank ${ranksA} and ${ranksB}`)
  const [a, b] = [c.value(0), c.value(1)]
  return (env) => toStored(tf.matMul(toOnnx(a(env)), toOnnx(b(env))))
}
