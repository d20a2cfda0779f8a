import type { Range } from '@roomful/core'
import type { NodeContext } from './context.ts'
import { type Operator, refuse, rowwise } from './operator.ts'

interface Padding {
  readonly axes: readonly number[]
  /** All begins, then all ends, in the order of `axes`; below 0 crops. */
  readonly pads: readonly number[]
}

/** Attribute before opset 11, input since; 18 adds a list of axes. */
function padding(c: NodeContext): Padding {
  const pads = c.list('pads', 1)
  const axes = c.has(3) ? c.constant(3).map((axis) => c.axis(axis, c.rank(0))) : c.shape(0).map((_, i) => i)
  if (pads?.length !== axes.length * 2) throw c.fail(`pads [${pads}] for ${axes.length} axes`)
  return { axes, pads }
}

const along = ({ axes, pads }: Padding, axis: number) => {
  const at = axes.indexOf(axis)
  return at < 0 ? { begin: 0, end: 0 } : { begin: pads[at] ?? 0, end: pads[at + axes.length] ?? 0 }
}

export const pad: Operator = {
  op: 'Pad',
  kind: 'copy',
  infer(c) {
    const all = padding(c)
    const mirrors = c.string('mode', 'constant') === 'reflect'
    const shape = c.shape(0).map((size, axis) => {
      const { begin, end } = along(all, axis)
      if (mirrors && Math.max(begin, end) >= Math.max(size, 1))
        throw c.fail(`pads [${all.pads}] mirror more than there is`)
      return size + begin + end
    })
    if (shape.some((size) => size < 0)) throw c.fail(`pads [${all.pads}] crop more than there is`)
    return [{ dtype: c.dtype(0), shape }]
  },
  settings: [1, 2, 3],
  rows(c) {
    const { axis, unit, height } = c.main
    const all = padding(c)
    const { begin, end } = along(all, axis)
    if (begin === 0 && end === 0) return rowwise([c.main])
    if (unit !== 1) return refuse('it pads within rows')
    const mode = c.string('mode', 'constant')
    if (mode === 'wrap') return refuse('it fills one border with the rows of the other')
    const output = height + begin + end
    const first = Math.max(0, begin)
    const last = Math.min(output, begin + height) - 1
    if (last < first) return refuse('nothing of its input is left')

    const real = (rows: Range): Range => ({ start: Math.min(rows.start, last), end: Math.max(rows.end, first + 1) })
    /** A mirrored row is made from one that lies as far inside: both must be in the tile. */
    const mirrored = (rows: Range): Range => {
      const { start, end: stop } = real(rows)
      const inside = start < begin ? 2 * begin - start + 1 : stop
      const before = stop > begin + height ? 2 * (begin + height - 1) - (stop - 1) : start
      return { start: Math.max(0, Math.min(start, before)), end: Math.min(output, Math.max(stop, inside)) }
    }
    const need = (rows: Range): Range => ({
      start: Math.max(0, rows.start - begin),
      end: Math.min(height, rows.end - begin),
    })
    return {
      outputs: [{ axis, unit, height: output }],
      need,
      produced: mode === 'reflect' ? (rows) => mirrored(mirrored(rows)) : real,
      rewrite(edit, rows) {
        const taken = need(rows)
        const at = all.axes.indexOf(axis)
        const pads = [...all.pads]
        pads[at] = taken.start - (rows.start - begin)
        pads[at + all.axes.length] = rows.end - begin - taken.end
        if (c.opset < 11) edit.ints('pads', pads)
        else edit.intsInput(1, pads)
      },
    }
  },
}
