import { type Operator, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** Gather (1, 11, 13): the axis is replaced by the axes of the indices. */
const gather: Operator = {
  op: 'Gather',
  kind: 'copy',
  infer(c) {
    const data = c.shape(0)
    const axis = c.axis(c.int('axis', 0), data.length)
    return [{ dtype: c.dtype(0), shape: [...data.slice(0, axis), ...c.shape(1), ...data.slice(axis + 1)] }]
  },
  fold(c) {
    const [data, indices] = [c.value(0), c.value(1)]
    if (data === undefined || indices === undefined) return [undefined]
    const shape = c.shape(0)
    const axis = c.axis(c.int('axis', 0), shape.length)
    const size = shape[axis] ?? 0
    const inner = product(shape.slice(axis + 1))
    const result: number[] = []
    for (let outer = 0; outer < product(shape.slice(0, axis)); outer += 1) {
      for (const index of indices) {
        const at = index < 0 ? index + size : index
        if (at < 0 || at >= size) throw c.fail(`index ${index} of ${size}`)
        for (let i = 0; i < inner; i += 1) result.push(data[(outer * size + at) * inner + i] ?? 0)
      }
    }
    return [result]
  },
  settings: [1],
  rows(c) {
    if (c.layout(1) !== undefined || c.layout(0) === undefined) return refuse('its indices are computed from the input')
    const axis = c.axis(c.int('axis', 0), c.rank(0))
    if (axis === c.main.axis) return refuse('it picks rows')
    const shift = axis < c.main.axis ? c.rank(1) - 1 : 0
    return rowwise([{ ...c.main, axis: c.main.axis + shift }])
  },
}

const gatherElements: Operator = {
  op: 'GatherElements',
  kind: 'copy',
  infer: (c) => [{ dtype: c.dtype(0), shape: c.shape(1) }],
  settings: [1],
}

const scatter = (op: string): Operator => ({
  op,
  kind: 'copy',
  infer: (c) => [{ dtype: c.dtype(0), shape: c.shape(0) }],
  settings: [1],
})

export const gathers: readonly Operator[] = [gather, gatherElements, scatter('ScatterND'), scatter('ScatterElements')]
