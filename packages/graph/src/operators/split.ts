import type { NodeContext } from './context.ts'
import { type Operator, refuse, rowwise } from './operator.ts'

/** Sizes of the parts: attribute (2, 11), input (13), or equal, the last one smaller (18: num_outputs). */
function parts(c: NodeContext): readonly number[] {
  const size = c.shape(0)[c.axis(c.int('axis', 0), c.rank(0))] ?? 0
  const count = c.node.outputs.length
  const given = c.list('split', 1)
  const chunk = Math.ceil(size / Math.max(1, count))
  const sizes = given ?? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(chunk, size - i * chunk)))
  if (sizes.length !== count || sizes.reduce((a, b) => a + b, 0) !== size) {
    throw c.fail(`parts [${sizes}] of ${size} for ${count} outputs`)
  }
  return sizes
}

export const split: Operator = {
  op: 'Split',
  kind: 'copy',
  infer(c) {
    const axis = c.axis(c.int('axis', 0), c.rank(0))
    return parts(c).map((part) => ({
      dtype: c.dtype(0),
      shape: c.shape(0).map((size, i) => (i === axis ? part : size)),
    }))
  },
  fold(c) {
    const value = c.value(0)
    if (value === undefined || c.rank(0) !== 1) return []
    let at = 0
    return parts(c).map((part) => {
      at += part
      return value.slice(at - part, at)
    })
  },
  settings: [1],
  rows: (c) =>
    c.axis(c.int('axis', 0), c.rank(0)) === c.main.axis
      ? refuse('it splits rows')
      : rowwise(c.node.outputs.map(() => c.main)),
}
