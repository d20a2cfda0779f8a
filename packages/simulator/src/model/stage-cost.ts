import type { Range, TensorName } from '@roomful/core'
import {
  addRowsWork,
  addWork,
  type ComputeModel,
  emptyWork,
  type PlannableModel,
  pointAt,
  pointIndex,
  segmentAt,
  type Work,
} from '@roomful/planner'
import type { StagePart } from '@roomful/runtime'

/** The name by which a simulated model calls an exit's logits. */
export const exitOutput = (exit: string): TensorName => `${exit}.logits`

/** Milliseconds of one session run of a part under the planner's cost model, staircase and load included. */
export function partMs(model: PlannableModel, part: StagePart, compute: ComputeModel): number {
  const exit = model.exits.find(({ name }) => exitOutput(name) === part.to)
  const extra = extraMacs(model, part) * (compute.costs[0] ?? 0) * compute.factor
  if (exit !== undefined) return compute.wholeMs(exit.work) + extra
  const [from, to] = [pointIndex(model, part.from), pointIndex(model, part.to)]
  const { rows } = part
  if (rows === undefined) {
    const work = emptyWork()
    for (let i = from; i < to; i++) addWork(work, segmentAt(model, i).work)
    const whole = { inputElements: pointAt(model, from).elements, outputElements: pointAt(model, to).elements }
    return compute.wholeMs(work, whole) + extra
  }
  const { work, inputRows } = walkBack(model, from, to, rows)
  const inputElements = (inputRows.end - inputRows.start) * pointAt(model, from).elementsPerRow
  const outputElements = (rows.end - rows.start) * pointAt(model, to).elementsPerRow
  const border = compute.boundaryMs(inputElements, outputElements)
  return compute.shardMs(work, rows.end - rows.start, pointAt(model, to).rows) + border + extra
}

/** From rows of point `to` to the rows of point `from` that they need, and the work in between. */
export function walkBack(
  model: PlannableModel,
  from: number,
  to: number,
  rows: Range,
): { readonly inputRows: Range; readonly work: Work } {
  const work = emptyWork()
  let { start, end } = rows
  for (let i = to - 1; i >= from; i--) {
    const segment = segmentAt(model, i)
    const tables = segment.tables()
    if (tables === undefined) {
      const { node = `segment ${i}`, why = 'it needs every row' } = segment.untileable ?? {}
      throw new RangeError(`${node} cannot be tiled: ${why}`)
    }
    addRowsWork(work, tables, start, end)
    start = tables.needStart[start] ?? 0
    end = tables.needEnd[end] ?? 0
  }
  return { inputRows: { start, end }, work }
}

/** Parameters of a part in bytes of fp32: what its session is built from. */
export function partBytes(model: PlannableModel, part: StagePart): number {
  const [from, to] = [pointIndex(model, part.from), pointIndex(model, part.to)]
  let parameters = 0
  for (let i = from; i >= 0 && i < to; i++) parameters += segmentAt(model, i).parameters
  return parameters * 4
}

function extraMacs(model: PlannableModel, { from, to, decoder, encoder }: StagePart): number {
  const macs = (tensor: TensorName, name: string | undefined, side: 'encoderMacs' | 'decoderMacs') => {
    const wires = name === undefined ? [] : (model.points[pointIndex(model, tensor)]?.wires ?? [])
    return wires.find(({ wire }) => wire.bottleneck === name)?.[side] ?? 0
  }
  return macs(from, decoder, 'decoderMacs') + macs(to, encoder, 'encoderMacs')
}
