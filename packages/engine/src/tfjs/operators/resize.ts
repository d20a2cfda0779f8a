import * as tf from '@tensorflow/tfjs-core'
import type { Lowering, NodeContext } from '../node-context.ts'

/**
 * Resize (from opset 11) and Upsample of rows and columns. Nearest: the source index of every output row is computed here,
 * by the rules of the ONNX specification, and gathered, because TensorFlow.js rounds in another way.
 */
export const resize: Lowering = (c) => {
  const input = c.shape(0)
  const output = c.outputShape()
  if (input.length !== 4 || input[0] !== output[0] || input[1] !== output[1])
    c.fail('only rows and columns are resized')
  const mode = c.text('mode', 'nearest')
  const transform = c.node.op === 'Upsample' ? 'asymmetric' : c.text('coordinate_transformation_mode', 'half_pixel')
  if (c.int('antialias', 0) !== 0) c.fail('antialias')
  if (mode === 'nearest') return nearest(c, transform)
  if (mode !== 'linear' && mode !== 'bilinear') return c.fail(`mode ${mode}`)
  checkScales(c)
  const halfPixel = transform === 'half_pixel' || transform === 'pytorch_half_pixel'
  if (!halfPixel && transform !== 'asymmetric' && transform !== 'align_corners') c.fail(`coordinates ${transform}`)
  if (transform === 'pytorch_half_pixel' && (output[2] === 1 || output[3] === 1)) c.fail('one pixel out')
  const size: [number, number] = [output[2] ?? 1, output[3] ?? 1]
  const x = c.value(0)
  const alignCorners = transform === 'align_corners'
  return (env) => tf.image.resizeBilinear(x(env) as tf.Tensor4D, size, alignCorners, halfPixel)
}

function nearest(c: NodeContext, transform: string): ReturnType<Lowering> {
  const scales = givenScales(c)
  const rounding = c.node.op === 'Upsample' ? 'floor' : c.text('nearest_mode', 'round_prefer_floor')
  const indices = [2, 3].map((axis) => {
    const from = c.shape(0)[axis] ?? 1
    const to = c.outputShape()[axis] ?? 1
    const scale = scales?.[axis] ?? to / from
    const sources = Int32Array.from({ length: to }, (_, i) => {
      const x = sourceOf(c, transform, i, scale, from, to)
      return Math.min(Math.max(rounded(c, rounding, x), 0), from - 1)
    })
    return c.indices(sources)
  })
  const [rows, columns] = indices
  if (rows === undefined || columns === undefined) return c.fail('sizes')
  const x = c.value(0)
  return (env) => tf.gather(tf.gather(x(env), rows, 1), columns, 2)
}

function sourceOf(c: NodeContext, transform: string, i: number, scale: number, from: number, to: number): number {
  switch (transform) {
    case 'asymmetric':
      return i / scale
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5
    case 'pytorch_half_pixel':
      return to > 1 ? (i + 0.5) / scale - 0.5 : 0
    case 'align_corners':
      return to > 1 ? (i * (from - 1)) / (to - 1) : 0
    default:
      return c.fail(`coordinates ${transform}`)
  }
}

function rounded(c: NodeContext, mode: string, x: number): number {
  switch (mode) {
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5)
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5)
    case 'floor':
      return Math.floor(x)
    case 'ceil':
      return Math.ceil(x)
    default:
      return c.fail(`nearest_mode ${mode}`)
  }
}

/** Resize: input 2; Upsample: input 1. An empty input means that sizes are given instead. */
function givenScales(c: NodeContext): readonly number[] | undefined {
  const index = c.node.op === 'Upsample' ? 1 : 2
  const scales = c.numbers(index) ?? c.floats('scales')
  return scales?.length === 4 ? scales : undefined
}

/** TensorFlow.js knows only the ratio of the sizes. */
function checkScales(c: NodeContext): void {
  const scales = givenScales(c)
  for (const axis of [2, 3]) {
    const ratio = (c.outputShape()[axis] ?? 1) / (c.shape(0)[axis] ?? 1)
    if (scales !== undefined && Math.abs((scales[axis] ?? 1) - ratio) > 1e-6) c.fail(`scale ${scales[axis]}`)
  }
}
