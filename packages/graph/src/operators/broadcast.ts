import type { NodeContext, RowContext } from './context.ts'
import { type Refusal, type RowLayout, type RowPlan, refuse, rowwise } from './operator.ts'

/** The shape of numpy-style broadcasting. @throws GraphError `shape` when sizes do not fit */
export function broadcastShape(c: NodeContext, shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1
      if (own !== 1 && size !== 1 && own !== size) throw c.fail(`[${shapes.join('] and [')}] do not broadcast`)
      if (own !== 1) size = own
    }
    return size
  })
}

export const inputShapes = (c: NodeContext): (readonly number[])[] =>
  c.node.inputs.flatMap((name, i) => (name === '' ? [] : [c.shape(i)]))

/**
 * Element-wise over broadcast inputs: output row r needs row r of every input that has rows. Constants that differ from
 * row to row are sliced; an input of the volume with one row for all others depends on the whole tensor.
 */
export function broadcastRows(c: RowContext): RowPlan | Refusal {
  const rank = c.output().shape.length
  let layout: RowLayout | undefined
  for (let i = 0; i < c.inputCount; i += 1) {
    const own = c.layout(i)
    if (own === undefined) continue
    const axis = own.axis + rank - c.rank(i)
    layout ??= { axis, unit: own.unit, height: own.height }
    if (axis !== layout.axis || own.unit !== layout.unit || own.height !== layout.height) {
      return refuse('its inputs do not have the same rows')
    }
  }
  if (layout === undefined) return refuse('none of its inputs has rows')
  const { axis, unit, height } = layout
  if (c.output().shape[axis] !== height * unit) return refuse('it repeats one row over all others')
  const perRow: number[] = []
  for (let i = 0; i < c.inputCount; i += 1) {
    const own = c.has(i) && c.layout(i) === undefined ? (c.shape(i)[axis - rank + c.rank(i)] ?? 1) : 1
    if (own !== 1) perRow.push(i)
  }
  const outputs = c.outputs.map(() => ({ axis, unit, height }))
  if (perRow.length === 0) return rowwise(outputs)
  return rowwise(outputs, (edit, rows) => {
    for (const i of perRow) {
      edit.sliceConstant(i, axis - rank + c.rank(i), rows.start * unit, rows.end * unit)
    }
  })
}
