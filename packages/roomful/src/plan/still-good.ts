import type { Plan, Topology } from '@roomful/core'
import { DEFAULT_HYSTERESIS, type LatencyPredictor, planCost, preparationOf, worthSwitching } from '@roomful/planner'
import type { PlanningOptions } from '../session.ts'
import type { PlanningModel } from './plan-model.ts'
import type { ChosenPlan } from './planning.ts'

/**
 * The plan in use with a new prediction, when the chosen one would not be better by more than the hysteresis, or not for as
 * long as getting it ready pays. `trust`: what the prediction of the plan in use counts, where it was measured.
 */
export function stillGood(
  current: Plan,
  { plan }: ChosenPlan,
  { plannable }: PlanningModel,
  topology: Topology,
  predictor: LatencyPredictor,
  { objective }: PlanningOptions,
  trust = 1,
): Plan | undefined {
  const now = planCost(current, plannable, topology, predictor, { objective })
  if (now === undefined) return undefined
  const ready = preparationOf(plan, current, plannable, topology, predictor)
  const { dwellMs } = DEFAULT_HYSTERESIS
  const switching = ready === undefined ? undefined : { ...ready, dwellMs }
  const { latencyMs, fullMs, throughputPerSecond, bytes } = now.timeline
  const better = objective === 'throughput' ? 1000 / plan.predicted.throughputPerSecond : plan.predicted.latencyMs
  if (worthSwitching(now.ms * trust, better, DEFAULT_HYSTERESIS, switching)) return undefined
  return { ...current, predicted: { latencyMs, fullMs, throughputPerSecond, bytes } }
}
