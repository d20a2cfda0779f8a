import { type LayerSample, type PlannableModel, pointAt } from '@roomful/planner'
import type { EvaluatedModel } from './models.ts'

/** One stretch of a network between two partition points, to be run as one session. */
export interface EvaluatedSegment {
  readonly model: EvaluatedModel
  /** Indices of the partition points. */
  readonly from: number
  readonly to: number
}

export const segmentName = ({ model, from, to }: EvaluatedSegment): string => `${model.name} ${from}-${to}`

/** The segments between neighbouring partition points, as the planner cuts the network. */
export function neighbours(model: EvaluatedModel): EvaluatedSegment[] {
  return model.plannable.segments.map((_, from) => ({ model, from, to: from + 1 }))
}

/**
 * Merges each segment that takes less than `floorMs` with the one after it (at the end: before it), until none is left:
 * the time of shorter ones is mostly the fixed cost of a run, and the runtime would not run them apart.
 */
export function mergeShort(
  segments: readonly EvaluatedSegment[],
  measuredMs: (segment: EvaluatedSegment) => number,
  floorMs: number,
): EvaluatedSegment[] {
  const merged: EvaluatedSegment[] = []
  let open: { segment: EvaluatedSegment; ms: number } | undefined
  for (const segment of segments) {
    const ms = measuredMs(segment)
    open = open === undefined ? { segment, ms } : { segment: { ...segment, from: open.segment.from }, ms: open.ms + ms }
    if (open.ms < floorMs) continue
    merged.push(open.segment)
    open = undefined
  }
  if (open === undefined) return merged
  const last = merged.pop()
  return [...merged, last === undefined ? open.segment : { ...last, to: open.segment.to }]
}

/** What crosses the borders of a segment that runs alone. */
export function boundaryOf(
  model: PlannableModel,
  from: number,
  to: number,
): Pick<LayerSample, 'inputElements' | 'outputElements'> {
  return { inputElements: pointAt(model, from).elements, outputElements: pointAt(model, to).elements }
}
