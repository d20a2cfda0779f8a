import type { Plan, Topology } from '@roomful/core'
import type { Timeline } from '../evaluator/evaluation.ts'
import { planKind } from '../evaluator/kind.ts'
import type { ExitSetting, PlannableModel } from '../model/plannable.ts'
import type { PlanningLimits } from '../partitioners/limits.ts'
import { predictPlan } from '../planning.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'

/** The calibrated setting whose thresholds are nearest to those of a plan's exits; undefined where the model has none. */
export function exitSettingOf(plan: Plan, { exits, settings }: PlannableModel): ExitSetting | undefined {
  const distance = ({ thresholds }: ExitSetting) =>
    plan.exits.reduce((sum, placed) => {
      const at = exits.findIndex(({ name }) => name === placed.exit)
      return sum + Math.abs((thresholds[at] ?? 1) - placed.threshold)
    }, 0)
  let best: ExitSetting | undefined
  for (const setting of settings) if (best === undefined || distance(setting) < distance(best)) best = setting
  return best
}

/** A plan as it is predicted for a room now. */
export interface PlanCost {
  /**
   * What plans are compared by, ms, by the rule with which they are chosen: the expected latency with exits and cache, or the
   * busiest resource's time per request where throughput is wanted.
   */
  readonly ms: number
  readonly timeline: Timeline
}

/** Undefined where the plan cannot run in this room. */
export function planCost(
  plan: Plan,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: Pick<PlanningLimits, 'objective' | 'cache' | 'segmentMs'> = {},
): PlanCost | undefined {
  const shares = plan.exits.length === 0 ? [] : (exitSettingOf(plan, model)?.shares ?? [])
  const timeline = predictPlan(plan, model, topology, predictor, shares, limits)
  if (timeline?.feasible !== true) return undefined
  if (limits.objective === 'throughput') return { ms: 1000 / timeline.throughputPerSecond, timeline }
  const factor = predictor.kindFactor?.(planKind(plan, topology.initiator)) ?? 1
  const [latencyMs, fullMs] = [timeline.latencyMs * factor, timeline.fullMs * factor]
  return { ms: latencyMs, timeline: { ...timeline, latencyMs, fullMs } }
}
