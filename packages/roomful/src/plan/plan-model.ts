import {
  type DeviceProfile,
  type ExitName,
  type PictureFormat,
  type Plan,
  PlanError,
  planDevices,
  type Schedule,
  type Topology,
} from '@roomful/core'
import {
  type LatencyPredictor,
  type PlannableModel,
  type PlanningLimits,
  planKind,
  planSchedule,
  planWith,
  RoomPredictor,
} from '@roomful/planner'
import { type PlanningOptions, RoomfulError } from '../session.ts'
import type { PlanChoice } from '../snapshot.ts'
import { planOfHand } from './hand-plan.ts'
import type { ChosenPlan, Wish } from './planning.ts'

/** Predictions of plans of several browsers are off by about as much for each of them: see docs/benchmarks. */
const PREDICTION_MARGIN = 0.15

/** What plans of a kind are off by is told from this share on. */
const TOLD_FROM = 0.1

/** What planning knows of a model: its segments and costs, and the thresholds of its exits. */
export interface PlanningModel {
  readonly plannable: PlannableModel
  readonly thresholds: ReadonlyMap<ExitName, number>
}

/**
 * The best plan for a room by the `auto` method: at once, or with `thorough` in five times as long. `known`: plans that it
 * starts from beside its own.
 * @throws RoomfulError `unavailable` with the planner's reason
 */
export async function planAutomatically(
  model: PlanningModel,
  topology: Topology,
  predictor: LatencyPredictor,
  options: PlanningOptions,
  { thorough = false, known = [] }: { readonly thorough?: boolean; readonly known?: readonly Plan[] } = {},
): Promise<ChosenPlan> {
  const limits: PlanningLimits = { ...options, margin: PREDICTION_MARGIN, thorough, known }
  if (options.objective === 'throughput') return planTurns(model, topology, predictor, limits)
  const result = await planWith('auto', model.plannable, topology, predictor, limits)
  if (!result.ok) throw new RoomfulError('unavailable', `There is no plan: ${result.message}`)
  const { plan, notes, runnersUp } = result
  return {
    plan,
    words: [describePlan(plan, topology), ...notes],
    runnersUp: distinct(
      runnersUp.map(({ method, plan: other }) => ({
        method,
        predictedMs: other.predicted.latencyMs,
        summary: describePlan(other, topology),
      })),
    ).slice(0, 4),
  }
}

/** What requests on plans of this kind have shown, where it is worth a word. */
export function seenWords(plan: Plan, { initiator }: Topology, predictor: LatencyPredictor): string[] {
  const off = (predictor.kindFactor?.(planKind(plan, initiator)) ?? 1) - 1
  if (Math.abs(off) < TOLD_FROM) return []
  return [
    `such plans took ${Math.round(Math.abs(off) * 100)} % ${off > 0 ? 'longer' : 'less'} here than their parts explain`,
  ]
}

/** Most answers per second: whole pictures to several devices in turn, and pipelines where they are better. */
function planTurns(
  { plannable }: PlanningModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits,
): ChosenPlan {
  const result = planSchedule(plannable, topology, predictor, limits)
  if (!result.ok) throw new RoomfulError('unavailable', `There is no plan: ${result.message}`)
  return inTurns(result.schedule, topology)
}

function inTurns(schedule: Schedule, topology: Topology): ChosenPlan {
  const [first] = schedule.toSorted((a, b) => b.share - a.share)
  if (first === undefined) throw new PlanError('malformed', 'a schedule has at least one part')
  if (schedule.length === 1) return { plan: first.plan, words: [describePlan(first.plan, topology)], runnersUp: [] }
  const words = schedule.map(
    ({ plan, share }) => `${Math.round(share * 100)} % of the pictures: ${describePlan(plan, topology)}`,
  )
  return { plan: first.plan, schedule, words, runnersUp: [] }
}

/** Several methods often arrive at the same plan: it is shown once, under the first one's name. */
function distinct(choices: readonly PlanChoice[]): PlanChoice[] {
  const seen = new Set<string>()
  return choices.filter(({ summary, predictedMs }) => {
    const key = `${summary} ${predictedMs.toFixed(1)}`
    return !seen.has(key) && seen.add(key)
  })
}

/** A drawn split as a plan, or whole Plans after their checks. @throws PlanError `inconsistent` when it does not fit */
export function planByHand(
  model: PlanningModel,
  topology: Topology,
  predictor: LatencyPredictor,
  drawn: Wish,
): ChosenPlan {
  if (isSchedule(drawn)) {
    for (const { plan } of drawn) checkFits(model, topology, plan)
    return inTurns(drawn, topology)
  }
  if ('volumes' in drawn) {
    checkFits(model, topology, drawn)
    return { plan: drawn, words: [describePlan(drawn, topology)], runnersUp: [] }
  }
  const thresholds = drawn.exits ? model.thresholds : new Map<ExitName, number>()
  const plan = planOfHand(drawn.plan, model.plannable, topology, predictor, thresholds)
  return { plan, words: [describePlan(plan, topology)], runnersUp: [] }
}

/** @throws PlanError `inconsistent` when the plan is another model's or names a device that is not here */
function checkFits(model: PlanningModel, topology: Topology, plan: Plan): void {
  if (plan.model !== model.plannable.digest) throw new PlanError('inconsistent', 'the plan is for another model')
  const here = new Set(topology.devices.map((device) => device.id))
  if (!planDevices(plan).every((device) => here.has(device))) {
    throw new PlanError('inconsistent', 'a device of the plan is not here')
  }
}

const isSchedule = (wish: Wish): wish is Schedule => Array.isArray(wish)

/** The whole network on this device, without exits: what "alone" is measured with. */
export async function planAlone(model: PlanningModel, self: DeviceProfile): Promise<Plan | undefined> {
  const topology: Topology = { initiator: self.id, devices: [self], links: [] }
  const result = await planWith('local', model.plannable, topology, new RoomPredictor(topology), { exits: false })
  return result.ok ? result.plan : undefined
}

/** "this device up to stage1, then Laptop and Tablet by rows up to the end". */
export function describePlan(plan: Plan, topology: Topology): string {
  const name = (id: string) =>
    id === topology.initiator
      ? 'this device'
      : (topology.devices.find((device) => device.id === id)?.name ?? 'a device')
  const parts: { who: string; to: string }[] = []
  for (const volume of plan.volumes) {
    const names = [...new Set(volume.shards.map((shard) => name(shard.device)))].join(' and ')
    const who = `${names}${volume.shards.length > 1 ? ' by rows' : ''}`
    if (parts.at(-1)?.who === who) parts.pop()
    parts.push({ who, to: volume.to })
  }
  const last = parts.length - 1
  const words = parts.map(({ who, to }, index) => (index === last ? `${who} to the end` : `${who} up to ${to}`))
  const begins = plan.volumes[0]?.shards.some((shard) => shard.device !== topology.initiator)
  const picture = begins ? `the picture as ${formatName(plan.input)} to ` : ''
  if (words.length === 1) return `${picture}${parts[0]?.who} alone`
  return picture + words.join(', then ')
}

function formatName({ kind, bits }: PictureFormat): string {
  if (kind !== 'tensor') return kind
  return bits === 8 ? 'pixels' : 'raw tensor'
}
