import { type Operator, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** Concat (4, 11, 13). */
export const concat: Operator = {
  op: 'Concat',
  kind: 'copy',
  infer(c) {
    const rank = c.rank(0)
    const axis = c.axis(c.int('axis', 0), rank)
    const shape = [...c.shape(0)]
    for (let i = 1; i < c.inputCount; i += 1) {
      const own = c.shape(i)
      if (own.length !== rank || own.some((size, at) => at !== axis && size !== shape[at])) {
        throw c.fail(`[${own}] does not fit beside [${c.shape(0)}] on axis ${axis}`)
      }
      shape[axis] = (shape[axis] ?? 0) + (own[axis] ?? 0)
    }
    return [{ dtype: c.dtype(0), shape }]
  },
  fold(c, [output]) {
    const axis = c.axis(c.int('axis', 0), c.rank(0))
    const parts: { value: readonly number[]; block: number }[] = []
    for (let i = 0; i < c.inputCount; i += 1) {
      const value = c.value(i)
      if (value === undefined) return [undefined]
      parts.push({ value, block: product(c.shape(i).slice(axis)) })
    }
    const outer = product(output?.shape.slice(0, axis) ?? [])
    const all: number[] = []
    for (let o = 0; o < outer; o += 1) {
      for (const { value, block } of parts) all.push(...value.slice(o * block, (o + 1) * block))
    }
    return [all]
  },
  rows(c) {
    const axis = c.axis(c.int('axis', 0), c.output().shape.length)
    const layouts = c.node.inputs.map((_, i) => c.layout(i))
    const layout = layouts.find((l) => l !== undefined)
    if (layout === undefined) return refuse('none of its inputs has rows')
    if (layout.axis === axis) return refuse('it puts rows after rows')
    const constants: number[] = []
    for (const [i, own] of layouts.entries()) {
      if (own === undefined) constants.push(i)
      else if (own.axis !== layout.axis || own.unit !== layout.unit || own.height !== layout.height) {
        return refuse('its inputs do not have the same rows')
      }
    }
    const { unit } = layout
    return rowwise([layout], (edit, rows) => {
      for (const i of constants) edit.sliceConstant(i, layout.axis, rows.start * unit, rows.end * unit)
    })
  },
}
