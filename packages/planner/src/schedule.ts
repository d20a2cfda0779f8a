import type { Plan, Schedule, Topology } from '@roomful/core'
import { type Coefficients, lessEq, solve } from 'yalps'
import type { Draft } from './evaluator/draft.ts'
import type { PlannableModel } from './model/plannable.ts'
import { rankedPlans } from './partitioners/auto.ts'
import { kindOf } from './partitioners/candidate.ts'
import type { PlanningLimits } from './partitioners/limits.ts'
import { pipelineDrafts } from './partitioners/pipeline.ts'
import { placeExits } from './partitioners/place-exits.ts'
import { type Refusal, refuse } from './partitioners/refusal.ts'
import { Search } from './partitioners/search.ts'
import { checkLimits } from './planning.ts'
import type { LatencyPredictor } from './predictor/predictor.ts'

export interface Scheduled {
  readonly ok: true
  /** Largest share first; shares add up to 1. */
  readonly schedule: Schedule
  /** Answers per second of all parts together. */
  readonly throughputPerSecond: number
}

/** The parts of a schedule that get a smaller share than this are left out: each takes sessions and a place in the window. */
const MIN_SHARE = 0.02
/** Each part but a local one takes a place among the plans that its devices keep ready. */
const MAX_PARTS = 8
/** The pipelines with the shortest periods that compete with whole frames. */
const MAX_PIPELINES = 4
/** The best plans of `auto`, row splits among them, that do so too. */
const MAX_BEST = 8

interface Part {
  readonly plan: Plan
  /** Of every resource, ms per frame. */
  readonly loads: readonly number[]
}

/**
 * Most answers per second by giving whole frames to several devices in turn, and stages of a pipeline where that is better:
 * over candidate plans p, those of `auto` among them, with rates x_p, `max sum x_p` such that no CPU, GPU, uplink or downlink is busy for more than the
 * whole time (`sum_p x_p load_pr <= 1` for each resource r). A linear program, solved exactly. Plans of `auto` are mixed in where
 * that gains more than `limits.margin`: each has more messages than whole frames. [ours; METHODS section 6]
 */
export function planSchedule(
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits = {},
): Scheduled | Refusal {
  checkLimits(model, limits)
  const search = new Search(model, topology, predictor, { ...limits, objective: 'throughput' })
  if (!search.ready) return refuse('not-measured', 'the initiator has not measured any backend yet')
  const simple = search.withTrunks().flatMap((one) => partsOf(one))
  const all = [...simple, ...bestOf(search)]
  if (all.length === 0) {
    search.best([search.single(0)])
    return search.whyNot()
  }
  const parts = sum(ratesOf(simple)) * (1 + search.limits.margin) >= sum(ratesOf(all)) ? simple : all
  const rates = ratesOf(parts)
  const total = sum(rates)
  const used = parts
    .map(({ plan }, at) => ({ plan, share: (rates[at] as number) / total }))
    .sort((a, b) => b.share - a.share)
    .filter(({ share }, at) => at === 0 || (at < MAX_PARTS && share >= MIN_SHARE))
  const kept = used.reduce((sum, { share }) => sum + share, 0)
  return {
    ok: true,
    schedule: used.map(({ plan, share }) => ({ plan, share: share / kept })),
    throughputPerSecond: total * kept * 1000,
  }
}

const sum = (rates: readonly number[]): number => rates.reduce((total, rate) => total + rate, 0)

/** The whole network on each device alone, and the best pipelines, each with exits where they save work. */
function partsOf(search: Search): Part[] {
  const drafts: Draft[] = [search.single(0)]
  if (search.firstCut === 0) {
    for (const device of search.helpers) for (const input of search.inputs) drafts.push(search.single(device, input))
  }
  drafts.push(...pipelineDrafts(search).slice(0, MAX_PIPELINES))
  return drafts.flatMap((draft) => [draft, ...withExits(search, draft)]).flatMap((draft) => partOf(search, draft))
}

/** The best plans that `auto` knows, one of each kind. */
function bestOf(search: Search): Part[] {
  const kinds = new Map(
    rankedPlans(search)
      .toReversed()
      .map((one) => [kindOf(one), one]),
  )
  return [...kinds.values()]
    .sort((a, b) => a.cost - b.cost)
    .slice(0, MAX_BEST)
    .flatMap((one) => partOf(one.search, one.draft))
}

/** Nothing where the draft breaks a limit. */
function partOf(search: Search, draft: Draft): Part[] {
  if (!Number.isFinite(search.cost(draft))) return []
  const { deadlineMs } = search.limits
  if (deadlineMs !== undefined && search.evaluate(draft).fullMs > deadlineMs) return []
  const loads = search.evaluator.loads(draft)
  return loads === undefined ? [] : [{ plan: search.evaluator.plan(draft, 'auto'), loads }]
}

/** On the processors of the draft's own devices only: a part keeps to its devices. */
function withExits(search: Search, draft: Draft): Draft[] {
  const { model, limits, room } = search
  if (!limits.exits || model.exits.length === 0 || model.settings.length === 0) return []
  const own = new Set(
    draft.volumes.flatMap(({ shards }) => shards.map(({ processor }) => room.processors[processor]?.device)),
  )
  const processors = search.processors.filter((at) => own.has(room.processors[at]?.device))
  const left = limits.maxAccuracyLoss - search.evaluate(draft).accuracyLoss
  const placed = placeExits(search, draft, left, processors)
  return placed === draft ? [] : [placed]
}

/** Frames per ms of each part. */
function ratesOf(parts: readonly Part[]): number[] {
  const constraints = new Map<string, ReturnType<typeof lessEq>>()
  const variables = parts.map(({ loads }, at): [string, Coefficients] => {
    const used = loads.flatMap((ms, resource): [string, number][] => (ms > 0 ? [[`r${resource}`, ms]] : []))
    for (const [key] of used) constraints.set(key, lessEq(1))
    return [String(at), [['rate', 1], ...used]]
  })
  const { status, variables: found } = solve({ direction: 'maximize', objective: 'rate', constraints, variables })
  const rates = new Map(found)
  if (status === 'optimal') return parts.map((_, at) => Math.max(0, rates.get(String(at)) ?? 0))
  // The numbers are beyond the solver: the part that keeps its busiest resource busy for the shortest time, alone.
  const busiest = parts.map(({ loads }) => Math.max(1e-3, ...loads))
  const best = busiest.indexOf(Math.min(...busiest))
  return busiest.map((ms, at) => (at === best ? 1 / ms : 0))
}
