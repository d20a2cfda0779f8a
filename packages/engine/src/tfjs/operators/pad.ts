import * as tf from '@tensorflow/tfjs-core'
import { storedOrder } from '../layout.ts'
import type { Lowering } from '../node-context.ts'

/** Pads are attributes up to opset 10 and constant inputs from 11 on; constant and reflect modes. */
export const pad: Lowering = (c) => {
  const rank = c.shape(0).length
  const pads = (c.opset >= 11 ? c.numbers(1) : c.ints('pads')) ?? c.fail('no pads')
  const given = (c.opset >= 18 ? c.numbers(3) : undefined) ?? Array.from({ length: rank }, (_, axis) => axis)
  if (pads.some((p) => p < 0)) c.fail('negative pads')
  const around: [number, number][] = Array.from({ length: rank }, () => [0, 0])
  for (const [i, axis] of given.entries()) {
    around[axis < 0 ? axis + rank : axis] = [pads[i] ?? 0, pads[i + given.length] ?? 0]
  }
  const stored = storedOrder(around)
  const x = c.value(0)
  const mode = c.text('mode', 'constant')
  if (mode === 'reflect') return (env) => tf.mirrorPad(x(env), stored, 'reflect')
  if (mode !== 'constant') c.fail(`mode ${mode}`)
  const value = (c.opset >= 11 ? c.numbers(2)?.[0] : c.float('value', 0)) ?? 0
  return (env) => tf.pad(x(env), stored, value)
}
