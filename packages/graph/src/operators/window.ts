import type { Range } from '@roomful/core'
import type { NodeContext, RowContext } from './context.ts'
import { type Refusal, type RowPlan, refuse } from './operator.ts'

/** A sliding window along one spatial axis; sizes in elements. `end` padding is that of the attribute, before ceil_mode. */
export interface Window {
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly begin: number
  readonly end: number
  readonly input: number
  readonly output: number
  readonly ceil: boolean
}

/** Elements from the window's first to its last, dilation counted. */
export const extent = (w: Pick<Window, 'kernel' | 'dilation'>): number => (w.kernel - 1) * w.dilation + 1

/**
 * The windows of a convolution or pooling over axes 2.. of its input; ONNX Conv and MaxPool: strides, dilations, pads,
 * auto_pad (SAME_UPPER puts the odd row at the end, SAME_LOWER at the start), ceil_mode (a window may hang over the end but must
 * start inside the input or its front padding).
 */
export function windows(c: NodeContext, input: readonly number[], kernel: readonly number[]): Window[] {
  const spatial = input.slice(2)
  if (kernel.length !== spatial.length) throw c.fail(`a kernel of [${kernel}] over an input of [${input}]`)
  const strides = c.ints('strides') ?? spatial.map(() => 1)
  const dilations = c.ints('dilations') ?? spatial.map(() => 1)
  const pads = c.ints('pads') ?? spatial.flatMap(() => [0, 0])
  const auto = c.string('auto_pad', 'NOTSET')
  const ceil = c.int('ceil_mode', 0) !== 0
  return spatial.map((size, axis) => {
    const step = {
      kernel: kernel[axis] ?? 0,
      stride: strides[axis] ?? 0,
      dilation: dilations[axis] ?? 0,
      input: size,
      ceil,
    }
    if (!(step.kernel > 0 && step.stride > 0 && step.dilation > 0)) {
      throw c.fail(`kernel [${kernel}], strides [${strides}], dilations [${dilations}] must be above 0`)
    }
    const { begin, end } = padding(auto, step, pads[axis] ?? 0, pads[axis + spatial.length] ?? 0)
    if (begin < 0 || end < 0) throw c.fail(`pads [${pads}] below 0`)
    const window = { ...step, begin, end, output: 0 }
    const output = auto === 'SAME_UPPER' || auto === 'SAME_LOWER' ? Math.ceil(size / step.stride) : outputSize(window)
    if (output <= 0) throw c.fail(`a window of ${extent(step)} does not fit into ${size} rows or columns`)
    return { ...window, output }
  })
}

function padding(auto: string, w: Omit<Window, 'begin' | 'end' | 'output'>, begin: number, end: number) {
  if (auto === 'VALID') return { begin: 0, end: 0 }
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') return { begin, end }
  const total = Math.max((Math.ceil(w.input / w.stride) - 1) * w.stride + extent(w) - w.input, 0)
  const less = Math.floor(total / 2)
  return auto === 'SAME_UPPER' ? { begin: less, end: total - less } : { begin: total - less, end: less }
}

function outputSize(w: Window): number {
  const room = w.input + w.begin + w.end - extent(w)
  if (!w.ceil) return Math.floor(room / w.stride) + 1
  const output = Math.ceil(room / w.stride) + 1
  return (output - 1) * w.stride >= w.input + w.begin ? output - 1 : output
}

/**
 * The row rule of METHODS section 4 with dilation: output rows [a,b) need input rows [a*S-P, (b-1)*S-P+E), E the window's
 * extent, clipped; padding is kept only where the range was clipped. Where ceil_mode lets
 * the last window hang over the padding, a tile with that row keeps the input's end and its padding, so that what the
 * window counts is what it counts in the whole. Rows whose windows lie wholly in
 * the padding are computed together with the nearest row that sees the input.
 */
export function windowRows(c: RowContext, all: readonly Window[]): RowPlan | Refusal {
  const { axis, unit, height } = c.main
  const w = all[axis - 2]
  if (w === undefined || unit !== 1) return refuse('its window runs over an axis that does not hold rows alone')
  if (w.input !== height) return refuse('its rows are not those of the feature map')
  const reach = extent(w)
  const lastStart = Math.floor((w.input - 1 + w.begin) / w.stride)
  const firstEnd = Math.max(0, Math.ceil((w.begin + 1 - reach) / w.stride))
  if (firstEnd >= w.output || lastStart < 0) return refuse('its windows see nothing but padding')

  const overhang = w.ceil && (w.output - 1) * w.stride - w.begin + reach > w.input + w.end
  const need = (rows: Range): Range => {
    const start = Math.max(0, rows.start * w.stride - w.begin)
    const hanging = overhang && rows.end === w.output
    const end = hanging ? w.input : Math.min(w.input, (rows.end - 1) * w.stride - w.begin + reach)
    return { start, end }
  }
  return {
    outputs: c.outputs.map(() => ({ axis, unit: 1, height: w.output })),
    need,
    produced: (rows) =>
      rows.start <= lastStart && rows.end > firstEnd
        ? rows
        : { start: Math.min(rows.start, lastStart), end: Math.max(rows.end, firstEnd + 1) },
    rewrite: (edit, rows) => {
      const begin = Math.max(0, w.begin - rows.start * w.stride)
      const hanging = overhang && rows.end === w.output
      const end = hanging ? w.end : Math.max(0, (rows.end - 1) * w.stride - w.begin + reach - w.input)
      edit.remove('auto_pad')
      edit.ints('pads', [
        ...all.map((other, i) => (i === axis - 2 ? begin : other.begin)),
        ...all.map((other, i) => (i === axis - 2 ? end : other.end)),
      ])
    },
  }
}

export const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1)
