import type { Plan, Topology } from '@roomful/core'
import type { PlannableModel } from '../model/plannable.ts'
import { type Candidate, candidate, rank } from '../partitioners/candidate.ts'
import { refine } from '../partitioners/finalists.ts'
import type { PlanningLimits } from '../partitioners/limits.ts'
import { placeExits } from '../partitioners/place-exits.ts'
import { Search } from '../partitioners/search.ts'
import { knownTo } from '../partitioners/starts.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'

/** As `auto` refines its last few plans. */
const EVALUATIONS = 3

/**
 * A plan without exits, such as an agent has learned, made comparable with those of `auto`: as it is, with exits by `auto`'s own
 * placement, and both after `auto`'s hill climbing; all of them keep the limits and are named `learned`. Best first by the
 * objective, each kind of plan once; empty where the plan does not fit the model and the room, or keeps the limits in no form.
 */
export function comparablePlans(
  learned: Plan,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits = {},
): Plan[] {
  const search = new Search(model, topology, predictor, { ...limits, known: [learned] })
  const starts = knownTo(search).flatMap((known) => [known, ...withExits(known)])
  const found = rank([...starts, ...starts.flatMap((one) => refine(one, EVALUATIONS))])
  const inTime = found.filter(({ draft }) => search.fullMs(draft) <= (limits.deadlineMs ?? Number.POSITIVE_INFINITY))
  const plans = inTime.map(({ draft }) => search.plan(draft, 'learned'))
  return [...new Map(plans.toReversed().map((plan) => [essence(plan), plan])).values()].toReversed()
}

function withExits({ method, search, draft, cost }: Candidate): Candidate[] {
  if (!search.limits.exits || search.model.settings.length === 0 || !Number.isFinite(cost)) return []
  const left = search.limits.maxAccuracyLoss - search.evaluate(draft).accuracyLoss
  const placed = placeExits(search, draft, left)
  return placed === draft ? [] : [candidate(method, search, placed)]
}

const essence = ({ input, volumes, exits }: Plan): string => JSON.stringify({ input, volumes, exits })
