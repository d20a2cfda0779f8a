import type { Plan, Topology } from '@roomful/core'
import { comparablePlans, type LatencyPredictor, planCost, THOROUGH_DEVICES, trainForRoom } from '@roomful/planner'
import type { PlanningOptions } from '../session.ts'
import { describePlan, type PlanningModel, planAutomatically } from './plan-model.ts'
import { samePlan } from './plan-records.ts'
import type { ChosenPlan, FoundPlan, Practised, Training } from './planning.ts'
import { stillGood } from './still-good.ts'

/**
 * Predictions are further off than that: a plan that is predicted behind by no more is worth a trial. Below the hysteresis's
 * gain, so that the planner does not replace it at once when it is adopted.
 */
const WORTH_TRYING = 0.04

export interface PracticeWish {
  readonly options: PlanningOptions
  readonly current: Plan
  readonly training: Training
  readonly signal: AbortSignal
}

/** A stretch of practice in the calling thread: `Planning.practise` for one model. Ends early, without a plan, by `signal`. */
export async function practiseOn(
  model: PlanningModel,
  topology: Topology,
  predictor: LatencyPredictor,
  { options, current, training, signal }: PracticeWish,
): Promise<Practised> {
  const { thorough: isAsked = false, tried = [], ...stretch } = training
  const { plannable } = model
  const known = [current, ...tried]
  const isNew = (plan: Plan) => !known.some((other) => samePlan(plan, other, false))
  const currentMs = planCost(current, plannable, topology, predictor, options)?.ms ?? Number.POSITIVE_INFINITY
  if (isAsked && options.objective !== 'throughput' && topology.devices.length <= THOROUGH_DEVICES) {
    // What the planner finds when it takes its time comes before what an agent may learn. Calls that wait come first.
    await new Promise((resolve) => setTimeout(resolve))
    if (signal.aborted) return { curve: [] }
    const chosen = await planAutomatically(model, topology, predictor, options, { thorough: true })
    const isBetter = stillGood(current, chosen, model, topology, predictor, options) === undefined
    if (isBetter && isNew(chosen.plan)) return { curve: [], found: { by: 'planning', chosen, currentMs } }
    await new Promise((resolve) => setTimeout(resolve))
  }
  const curve: number[] = []
  let learned: Plan | undefined
  try {
    for await (const step of trainForRoom(plannable, topology, predictor, options, { ...stretch, signal })) {
      if (curve.length === 0 || step.bestMs < (curve.at(-1) ?? 0)) learned = step.plan()
      curve.push(step.bestMs)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  if (learned === undefined || signal.aborted) return { curve }
  const plans = comparablePlans(learned, plannable, topology, predictor, options)
  const best = plans.find(isNew) ?? plans[0]
  if (best === undefined) return { curve }
  const found = foundPlan(best, describePlan(best, topology), curve.length, currentMs)
  return { curve, found: isNew(best) ? found : { ...found, untried: knownWords(best, current) } }
}

function foundPlan(plan: Plan, summary: string, episodes: number, currentMs: number): FoundPlan {
  const exits = plan.exits.map(({ exit }) => exit)
  const words = exits.length === 0 ? summary : `${summary}; exits: ${exits.join(', ')}`
  const chosen: ChosenPlan = { plan, words: [words, `learned in ${episodes} episodes of practice`], runnersUp: [] }
  const behind = plan.predicted.latencyMs / currentMs - 1
  const found: FoundPlan = { by: 'learning', chosen, currentMs }
  if (behind <= WORTH_TRYING) return found
  return { ...found, untried: `predicted ${Math.round(behind * 100)} % slower than the plan in use` }
}

const knownWords = (plan: Plan, current: Plan): string =>
  samePlan(plan, current, false) ? 'the agent has come to the plan in use' : 'it has been tried in this room before'
