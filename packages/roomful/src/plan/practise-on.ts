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
  const [best] = plans
  if (best === undefined) return { curve }
  const worthIt = plans.find((plan) => isNew(plan) && behind(plan, currentMs) <= WORTH_TRYING)
  const plan = worthIt ?? best
  const chosen = learnedChoice(plan, topology, curve.length)
  const found: FoundPlan = { by: 'learning', chosen, currentMs }
  if (worthIt !== undefined) return { curve, found }
  return { curve, found: { ...found, untried: isNew(best) ? slowerWords(best, currentMs) : knownWords(best, current) } }
}

/** By what share a plan is predicted to be slower than the one in use. */
const behind = (plan: Plan, currentMs: number): number => plan.predicted.latencyMs / currentMs - 1

function learnedChoice(plan: Plan, topology: Topology, episodes: number): ChosenPlan {
  const summary = describePlan(plan, topology)
  const exits = plan.exits.map(({ exit }) => exit)
  const words = exits.length === 0 ? summary : `${summary}; exits: ${exits.join(', ')}`
  return { plan, words: [words, `learned in ${episodes} episodes of practice`], runnersUp: [] }
}

const slowerWords = (plan: Plan, currentMs: number): string =>
  `predicted ${Math.round(behind(plan, currentMs) * 100)} % slower than the plan in use`

const knownWords = (plan: Plan, current: Plan): string =>
  samePlan(plan, current, false) ? 'the agent has come to the plan in use' : 'it has been tried in this room before'
