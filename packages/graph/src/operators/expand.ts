import { broadcastIndex } from './arithmetic.ts'
import { broadcastShape } from './broadcast.ts'
import { type Operator, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** Expand (8, 13): broadcasting to a shape; an axis of the target that is 1 keeps the input's size. */
const expand: Operator = {
  op: 'Expand',
  kind: 'copy',
  infer: (c) => [{ dtype: c.dtype(0), shape: broadcastShape(c, [c.shape(0), c.constant(1)]) }],
  fold(c, [output]) {
    const value = c.value(0)
    const elements = product(output?.shape ?? [])
    if (value === undefined || output === undefined || elements > 1024) return [undefined]
    const from = broadcastIndex(c.shape(0), output.shape)
    return [Array.from({ length: elements }, (_, i) => value[from(i)] ?? 0)]
  },
  settings: [1],
  rows(c) {
    const { unit, height } = c.main
    const shape = c.output().shape
    const axis = c.main.axis + shape.length - c.rank(0)
    if (shape[axis] !== height * unit) return refuse('it repeats rows')
    return rowwise([{ axis, unit, height }], (edit, rows) => {
      edit.intsInput(
        1,
        shape.map((size, i) => (i === axis ? (rows.end - rows.start) * unit : size)),
      )
    })
  },
}

/** Tile (6, 13). */
const tile: Operator = {
  op: 'Tile',
  kind: 'copy',
  infer(c) {
    const repeats = c.constant(1)
    return [{ dtype: c.dtype(0), shape: c.shape(0).map((size, axis) => size * (repeats[axis] ?? 1)) }]
  },
  settings: [1],
  rows: (c) => (c.constant(1)[c.main.axis] === 1 ? rowwise([c.main]) : refuse('it repeats rows')),
}

export const expands: readonly Operator[] = [expand, tile]
