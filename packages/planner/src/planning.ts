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

/** Plans with one method by name. @throws PlannerError `plan` for an unknown name */
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
  return runMethod(method, new Search(model, topology, predictor, limits))
}

/** Plans with every method over shared tables; `auto`, the last one, knows the plans of the others. */
export async function planWithAll(
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits = {},
): Promise<{ readonly method: string; readonly result: PartitionResult }[]> {
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
