import type { Plan, Topology } from '@roomful/core'
import type { PlannableModel } from '../model/plannable.ts'
import { chooseVolumes } from '../partitioners/distredge.ts'
import type { PlanningLimits } from '../partitioners/limits.ts'
import { Search } from '../partitioners/search.ts'
import { rowSpan } from '../partitioners/strips.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'
import { trainOsds } from './osds.ts'

export interface RoomTrainingOptions {
  readonly episodes: number
  readonly seed: number
  readonly signal?: AbortSignal
}

/** One episode of training for a room; times in ms as the evaluator predicts them. */
export interface RoomTrainingStep {
  readonly episode: number
  readonly costMs: number
  readonly bestMs: number
  /** The best decision so far as a plan. */
  readonly plan: () => Plan
}

/**
 * Trains DistrEdge's agent (OSDS) for the room at hand, an episode at a time, so that a Worker can do it in the background
 * and stop whenever it likes. Ends at once where there is nothing to learn: no helper, or no layer that splits by rows.
 * @throws `signal.reason`
 */
export async function* trainForRoom(
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits,
  options: RoomTrainingOptions,
): AsyncGenerator<RoomTrainingStep, void, void> {
  const search = new Search(model, topology, predictor, limits)
  const span = rowSpan(search)
  if (span === undefined || search.helpers.length === 0 || !search.ready) return
  const ends = chooseVolumes(search, span)
  for await (const { episode, costMs, bestMs, best } of trainOsds(search, span, ends, options)) {
    yield { episode, costMs, bestMs, plan: () => search.evaluator.plan(best, 'distredge') }
  }
}
