import type { NodeContext } from './context.ts'
import { type Operator, refuse, rowwise } from './operator.ts'

/** Axes are an attribute before opset 13, an input since. */
function squeezed(c: NodeContext): readonly number[] {
  const shape = c.shape(0)
  const axes = c.list('axes', 1)?.map((axis) => c.axis(axis, shape.length))
  const gone = axes ?? shape.flatMap((size, axis) => (size === 1 ? [axis] : []))
  if (gone.some((axis) => shape[axis] !== 1)) throw c.fail(`axes [${gone}] of [${shape}] are not all 1`)
  return gone
}

function unsqueezed(c: NodeContext): readonly number[] {
  const axes = c.list('axes', 1)
  if (axes === undefined) throw c.fail('axes are absent')
  const rank = c.rank(0) + axes.length
  return axes.map((axis) => c.axis(axis, rank)).sort((a, b) => a - b)
}

const squeeze: Operator = {
  op: 'Squeeze',
  kind: 'copy',
  infer(c) {
    const gone = squeezed(c)
    return [{ dtype: c.dtype(0), shape: c.shape(0).filter((_, axis) => !gone.includes(axis)) }]
  },
  fold: (c) => [c.value(0)],
  settings: [1],
  rows(c) {
    const gone = squeezed(c)
    const { axis } = c.main
    if (gone.includes(axis)) return refuse('it drops the axis that holds the rows')
    return rowwise([{ ...c.main, axis: axis - gone.filter((other) => other < axis).length }])
  },
}

const unsqueeze: Operator = {
  op: 'Unsqueeze',
  kind: 'copy',
  infer(c) {
    const shape = [...c.shape(0)]
    for (const axis of unsqueezed(c)) shape.splice(axis, 0, 1)
    return [{ dtype: c.dtype(0), shape }]
  },
  fold: (c) => [c.value(0)],
  settings: [1],
  rows(c) {
    let { axis } = c.main
    for (const added of unsqueezed(c)) if (added <= axis) axis += 1
    return rowwise([{ ...c.main, axis }])
  },
}

export const squeezes: readonly Operator[] = [squeeze, unsqueeze]
