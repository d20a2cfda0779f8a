import type { NodeContext } from './context.ts'
import { rowMajor, strided } from './fold.ts'
import { type Operator, refuse, rowwise } from './operator.ts'

interface Cut {
  readonly start: number
  readonly step: number
  readonly size: number
}

const TO_THE_END = 2 ** 63

interface Bounds {
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  readonly axes: readonly number[]
  readonly steps: readonly number[]
}

/** Attributes in opset 1, inputs since 10. */
function bounds(c: NodeContext): Bounds {
  const starts = c.list('starts', 1)
  const ends = c.list('ends', 2)
  if (starts === undefined || ends === undefined) throw c.fail('starts or ends are absent')
  const axes = (c.list('axes', 3) ?? starts.map((_, i) => i)).map((axis) => c.axis(axis, c.rank(0)))
  const steps = c.has(4) ? c.constant(4) : starts.map(() => 1)
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw c.fail('starts, ends, axes and steps differ in length')
  }
  return { starts, ends, axes, steps }
}

/** What is taken of each axis; negative bounds count from the end, all are clamped. */
function cuts(c: NodeContext): Map<number, Cut> {
  const { starts, ends, axes, steps } = bounds(c)
  const result = new Map<number, Cut>()
  for (const [i, axis] of axes.entries()) {
    const size = c.shape(0)[axis] ?? 0
    const step = steps[i] ?? 1
    if (step === 0) throw c.fail('a step of 0')
    const clamp = (bound: number, low: number, high: number) =>
      Math.max(low, Math.min(high, bound < 0 ? bound + size : bound))
    const start = step > 0 ? clamp(starts[i] ?? 0, 0, size) : clamp(starts[i] ?? 0, 0, size - 1)
    const end = step > 0 ? clamp(ends[i] ?? 0, 0, size) : clamp(ends[i] ?? 0, -1, size - 1)
    result.set(axis, { start, step, size: Math.max(0, Math.ceil((end - start) / step)) })
  }
  return result
}

export const slice: Operator = {
  op: 'Slice',
  kind: 'copy',
  infer(c) {
    const taken = cuts(c)
    return [{ dtype: c.dtype(0), shape: c.shape(0).map((size, axis) => taken.get(axis)?.size ?? size) }]
  },
  fold(c, [output]) {
    const value = c.value(0)
    if (value === undefined || output === undefined) return [undefined]
    const taken = cuts(c)
    const own = rowMajor(c.shape(0))
    const offset = own.reduce((sum, stride, axis) => sum + stride * (taken.get(axis)?.start ?? 0), 0)
    const strides = own.map((stride, axis) => stride * (taken.get(axis)?.step ?? 1))
    return [strided(value, output.shape, strides, offset)]
  },
  settings: [1, 2, 3, 4],
  rows(c) {
    const { axis, unit, height } = c.main
    const cut = cuts(c).get(axis)
    if (cut === undefined || (cut.step === 1 && cut.size === height * unit)) return rowwise([c.main])
    if (unit !== 1) return refuse('it cuts within rows')
    if (cut.step < 0) return refuse('it turns the rows upside down')
    const { starts, ends, axes, steps } = bounds(c)
    const swap = (values: readonly number[], value: number) => values.map((v, i) => (axes[i] === axis ? value : v))
    return {
      outputs: [{ axis, unit, height: cut.size }],
      need: (rows) => ({
        start: cut.start + rows.start * cut.step,
        end: cut.start + (rows.end - 1) * cut.step + 1,
      }),
      rewrite(edit) {
        if (c.opset < 10) {
          edit.ints('starts', swap(starts, 0))
          edit.ints('ends', swap(ends, TO_THE_END))
          return
        }
        // All four share one type, so all are rewritten.
        edit.intsInput(1, swap(starts, 0))
        edit.intsInput(2, swap(ends, TO_THE_END))
        edit.intsInput(3, axes)
        edit.intsInput(4, steps)
      },
    }
  },
}
