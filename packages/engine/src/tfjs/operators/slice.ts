import * as tf from '@tensorflow/tfjs-core'
import { storedOrder } from '../layout.ts'
import type { Lowering } from '../node-context.ts'

/** Bounds are attributes up to opset 9 and constant inputs from 10 on. Steps must be positive. */
export const slice: Lowering = (c) => {
  const shape = c.shape(0)
  const byInput = c.opset >= 10
  const starts = (byInput ? c.numbers(1) : c.ints('starts')) ?? c.fail('no starts')
  const axes = (byInput ? c.numbers(3) : c.ints('axes')) ?? starts.map((_, i) => i)
  const steps = (byInput ? c.numbers(4) : undefined) ?? starts.map(() => 1)
  const output = c.outputShape()
  const begin = shape.map(() => 0)
  const step = shape.map(() => 1)
  for (const [i, rawAxis] of axes.entries()) {
    const axis = rawAxis < 0 ? rawAxis + shape.length : rawAxis
    const size = shape[axis] ?? c.fail(`axis ${rawAxis} of rank ${shape.length}`)
    const start = starts[i] ?? 0
    if ((steps[i] ?? 1) < 1) c.fail(`step ${steps[i]}`)
    begin[axis] = Math.min(Math.max(start < 0 ? start + size : start, 0), size)
    step[axis] = steps[i] ?? 1
  }
  const x = c.value(0)
  const from = storedOrder(begin)
  const size = storedOrder(output)
  if (step.every((s) => s === 1)) return (env) => tf.slice(x(env), from, size)
  const stride = storedOrder(step)
  const end = from.map((start, i) => start + ((size[i] ?? 1) - 1) * (stride[i] ?? 1) + 1)
  return (env) => tf.stridedSlice(x(env), from, end, stride)
}
