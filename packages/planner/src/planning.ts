import type { Plan, Topology } from '@roomful/core'
import { PlannerError } from './error.ts'
import { fromPlan } from './evaluator/draft.ts'
import type { EvaluatorOptions, Timeline } from './evaluator/evaluation.ts'
import { Evaluator } from './evaluator/evaluator.ts'
import { compileRoom } from './evaluator/room.ts'
import type { PlannableModel } from './model/plannable.ts'
import { auto } from './partitioners/auto.ts'
import type { PlanningLimits } from './partitioners/limits.ts'
import { type PartitionResult, runMethod } from './partitioners/method.ts'
import { METHODS, methodNamed } from './partitioners/registry.ts'
import { Search } from './partitioners/search.ts'
import type { LatencyPredictor } from './predictor/predictor.ts'

/** @throws PlannerError `limits` for limits that name what this model does not have */
export function checkLimits({ points }: PlannableModel, { privateUntil }: PlanningLimits): void {
  if (privateUntil === undefined || points.some(({ tensor }) => tensor === privateUntil)) return
  throw new PlannerError('limits', `limits.privateUntil: the network cannot be cut at ${privateUntil}`)
}

/** Plans with one method by name. @throws PlannerError `plan` for an unknown name, `limits` */
export function planWith(
  name: string,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits = {},
): Promise<PartitionResult> {
  const method = methodNamed(name)
  if (method === undefined) {
    throw new PlannerError('plan', `unknown method ${name}; known: ${METHODS.map((known) => known.name).join(' ')}`)
  }
  checkLimits(model, limits)
  return runMethod(method, new Search(model, topology, predictor, limits))
}

/** Plans with every method over shared tables; `auto`, the last one, knows the plans of the others. @throws PlannerError `limits` */
export async function planWithAll(
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits = {},
): Promise<{ readonly method: string; readonly result: PartitionResult }[]> {
  checkLimits(model, limits)
  const search = new Search(model, topology, predictor, limits)
  const out: { method: string; result: PartitionResult }[] = []
  for (const method of METHODS) {
    const known = out.flatMap(({ result }) => (result.ok ? [result.plan] : []))
    const informed = method === auto ? search.withLimits({ known }) : search
    out.push({ method: method.name, result: await runMethod(method, informed) })
  }
  return out
}

/**
 * The predicted timeline of any plan, such as one drawn by hand; undefined when it names tensors, devices or backends
 * that the model and the room do not have. `shares`: share of requests answered at each of the model's exits.
 */
export function predictPlan(
  plan: Plan,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  shares: readonly number[] = [],
  options: EvaluatorOptions = {},
): Timeline | undefined {
  const trunk = [model, ...model.trunks].find((one) => one.trunk === plan.trunk)
  if (trunk === undefined) return undefined
  const room = compileRoom(topology, predictor)
  const draft = fromPlan(plan, trunk, room, shares)
  return draft === undefined ? undefined : new Evaluator(trunk, room, options).timeline(draft)
}
