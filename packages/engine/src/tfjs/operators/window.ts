import type { NodeContext } from '../node-context.ts'

/** A sliding window over rows and columns, everything resolved to numbers. */
export interface Window2d {
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations: readonly [number, number]
  /** top, left, bottom, right as the model gives them. */
  readonly pads: readonly [number, number, number, number]
  /** As `pads`, with what `ceil_mode` adds below and to the right. */
  readonly padsToFit: readonly [number, number, number, number]
}

/** TensorFlow.js's form of explicit NHWC padding. */
export type ExplicitPads = [[number, number], [number, number], [number, number], [number, number]]

export function explicitPads([top, left, bottom, right]: Window2d['pads']): ExplicitPads {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]
}

export const noPads = (pads: Window2d['pads']): boolean => pads.every((pad) => pad === 0)

/** Reads kernel_shape, strides, dilations, pads and auto_pad (ONNX operators Conv, MaxPool, AveragePool). */
export function window2d(c: NodeContext, kernelShape?: readonly number[]): Window2d {
  const kernel = pair(c, kernelShape ?? c.ints('kernel_shape'), 'kernel_shape')
  const strides = pair(c, c.ints('strides') ?? [1, 1], 'strides')
  const dilations = pair(c, c.ints('dilations') ?? [1, 1], 'dilations')
  const input = c.shape(0)
  const output = c.outputShape()
  if (input.length !== 4) c.fail(`rank ${input.length}; only pictures [N, C, H, W] run here`)
  const missing = [0, 1].map((axis) => {
    const reach =
      ((output[axis + 2] ?? 1) - 1) * (strides[axis] ?? 1) + ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1
    return reach - (input[axis + 2] ?? 0)
  })
  const [rows = 0, columns = 0] = missing
  const auto = c.text('auto_pad', 'NOTSET')
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const less = (total: number) => Math.floor(Math.max(0, total) / 2)
    const more = (total: number) => Math.max(0, total) - less(total)
    const pads: Window2d['pads'] =
      auto === 'SAME_UPPER'
        ? [less(rows), less(columns), more(rows), more(columns)]
        : [more(rows), more(columns), less(rows), less(columns)]
    return { kernel, strides, dilations, pads, padsToFit: pads }
  }
  const [top = 0, left = 0, bottom = 0, right = 0] = auto === 'VALID' ? [] : (c.ints('pads') ?? [])
  return {
    kernel,
    strides,
    dilations,
    pads: [top, left, bottom, right],
    padsToFit: [top, left, Math.max(bottom, rows - top), Math.max(right, columns - left)],
  }
}

function pair(c: NodeContext, values: readonly number[] | undefined, name: string): [number, number] {
  const [first, second] = values ?? []
  if (values?.length !== 2 || first === undefined || second === undefined) {
    return c.fail(`${name} [${values ?? ''}]: only windows of rows and columns run here`)
  }
  return [first, second]
}
