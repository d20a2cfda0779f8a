import { type DeviceId, PICTURE_QUALITY, type Plan, type Topology } from '@roomful/core'
import {
  complete,
  everyReduction,
  type LatencyPredictor,
  METHODS,
  type Method,
  type PartitionResult,
  type PlannableModel,
  type PlanningLimits,
  proportional,
  propose,
  refuse,
  rowSpan,
  runMethod,
  Search,
  stripVolumes,
  workers,
} from '@roomful/planner'
import { type AloneLibrary, isAlone } from './alone/library.ts'

/** A row of the result: a plan and whether the room's cache is asked, or one library alone on the initiator. */
export interface MethodPlan {
  readonly method: string
  /** Of `library`: the local plan, which says what is computed where; it is not installed. */
  readonly plan: Plan
  readonly cache: boolean
  /** Runs in a page of its own instead of the room. */
  readonly library?: AloneLibrary
  /** The first method that arrived at the same plan; measured once, reported for both. */
  readonly sameAs?: string
}

export interface PlannedMethods {
  readonly plans: readonly MethodPlan[]
  /** Why a method has no row, a sentence each. */
  readonly notes: readonly string[]
}

/** The room's own methods beside the published ones; without exits unless the name says so. */
export const OWN_METHODS = ['auto', 'auto+exits', 'auto+exits+cache'] as const

/** Published methods that place exits, once more with them: rivals of `auto+exits`. */
const WITH_EXITS = ['edgent+exits', 'ciahp+exits'] as const

/** Who computes, volume by volume. */
export const devicesOf = ({ volumes }: Plan): DeviceId[] =>
  volumes.flatMap(({ shards }) => shards.map(({ device }) => device))

export const hasExits = (method: string): boolean => method.includes('+exits')

/** Equal shares of every fused block's rows for every device, whatever it is worth: what a naive split does. */
const strips: Method = {
  name: 'strips',
  about: 'equal row strips on every device',
  propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'nothing of the network can be split by rows')
    const who = workers(search)
    const equal = proportional(
      search,
      who,
      who.map(() => 1),
    )
    const best = search.best(complete(search, stripVolumes(search, span, everyReduction(search, span), equal), who[0]))
    return best === undefined ? search.whyNot() : propose(best)
  },
}

/**
 * A plan that sends the first partition point's map in fp32 from `a` to `b`: the link is measured by what crosses it. undefined
 * for a network that cannot be cut.
 */
export function planForLink(
  model: PlannableModel,
  { initiator, devices }: Topology,
  a: DeviceId,
  b: DeviceId,
): Plan | undefined {
  const place = (id: DeviceId) => {
    const backend = devices.find((device) => device.id === id)?.backends[0]?.backend
    if (backend === undefined) throw new Error(`${id} has not been measured`)
    return { device: id, backend }
  }
  const [input, cut, last] = [model.points[0], model.points[1], model.points.at(-1)]
  if (input === undefined || cut === undefined || last === undefined || cut === last) return undefined
  const common = { wire: { bits: 32, entropy: 'none' }, route: 'peer' } as const
  return {
    model: model.digest,
    trunk: model.trunk,
    input: a === initiator ? { kind: 'tensor' } : { kind: 'jpeg', quality: PICTURE_QUALITY },
    volumes: [
      { from: input.tensor, to: cut.tensor, shards: [place(a)], ...common },
      { from: cut.tensor, to: last.tensor, shards: [place(b)], ...common },
    ],
    exits: [],
    predicted: { latencyMs: 1000, fullMs: 1000, throughputPerSecond: 1, bytes: cut.elements * 4 },
    method: 'link',
  }
}

/** Plans that stand for the published methods in a short run: one of each kind. */
export const QUICK_METHODS = [
  'ort',
  'tfjs',
  'local',
  'offload',
  'neurosurgeon',
  'coedge',
  'strips',
  ...OWN_METHODS,
] as const
/** `exhaustive` is no rival but a check of the planner. */
export const ALL_METHODS: readonly string[] = [
  'ort',
  'tfjs',
  ...METHODS.map(({ name }) => name).filter((name) => name !== 'exhaustive' && name !== 'auto'),
  'strips',
  ...WITH_EXITS,
  ...OWN_METHODS,
]

/** A plan that is predicted to take longer than this is not run: its row would only tell how long one waits. */
const TOO_LONG_MS = 15_000

/** Plans the room by every method of the list, from one snapshot; libraries alone (`withLibraries`) need no plan. */
export async function planMethods(
  names: readonly string[],
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits: PlanningLimits,
): Promise<PlannedMethods> {
  const plans: MethodPlan[] = []
  const notes: string[] = []
  let exits: PartitionResult | undefined
  for (const name of names) {
    if (isAlone(name)) continue
    const result =
      exits !== undefined && sharesPlan(name)
        ? exits
        : await planOne(name, new Search(model, topology, predictor, limitsOf(name, limits)))
    if (sharesPlan(name)) exits = result
    if (!result.ok) {
      notes.push(`${name}: no plan: ${result.message}`)
      continue
    }
    const { plan } = result
    if (plan.predicted.fullMs > TOO_LONG_MS) {
      notes.push(`${name}: not run, predicted ${(plan.predicted.fullMs / 1000).toFixed(1)} s per picture`)
      continue
    }
    const cache = name.endsWith('+cache')
    const same = plans.find((other) => other.cache === cache && essence(other.plan) === essence(plan))
    plans.push({ method: name, plan, cache, ...(same === undefined ? {} : { sameAs: same.sameAs ?? same.method }) })
  }
  return { plans, notes }
}

/** The libraries of the list that were loaded, before the plans of the room. */
export function withLibraries(
  loaded: Iterable<AloneLibrary>,
  plans: readonly MethodPlan[],
  local: Plan,
): readonly MethodPlan[] {
  // What the room has learned of that plan counts for who has no time to run, too.
  const known = plans.find(({ method }) => method === 'local')?.plan ?? local
  const rows = [...loaded].map((library) => {
    return { method: library, plan: { ...known, method: library }, cache: false, library }
  })
  return [...rows, ...plans]
}

/** `auto+exits` with and without the cache: one search. */
const sharesPlan = (name: string): boolean => name.startsWith('auto+exits')

function planOne(name: string, search: Search): Promise<PartitionResult> {
  if (name === strips.name) return runMethod(strips, search)
  const [base] = name.split('+')
  const method = METHODS.find((each) => each.name === base)
  if (method === undefined) throw new RangeError(`unknown method ${name}`)
  return runMethod(method, search)
}

const limitsOf = (name: string, limits: PlanningLimits): PlanningLimits => ({
  ...limits,
  exits: hasExits(name),
})

/** What of a plan decides what runs. */
function essence({ model, trunk, input, volumes, exits }: Plan): string {
  return JSON.stringify({ model, trunk, input, volumes, exits })
}
