import type { DraftShard, DraftVolume } from '../evaluator/draft.ts'
import { type Candidate, candidate, rank } from './candidate.ts'
import { isThorough } from './case-size.ts'
import { learnedSplit } from './distredge.ts'
import { bestOfEachKind, finalists, refine, reorder, shake, walk } from './finalists.ts'
import type { Method, Proposal, RunnerUp } from './method.ts'
import type { Search } from './search.ts'
import { knownTo, startsOf } from './starts.ts'
import { stricterThan } from './stricter.ts'
import { type Addition, additions, devicesOf, uselessDevices } from './why.ts'

/** The best plans are refined with so many times the evaluations. */
const LAST_EVALUATIONS = 3
/** What a plan must be cheaper by to take the place of another, as a share. */
const LEAST_GAIN = 1e-3
/** A given plan stays unless another is predicted better by this share: predictions are 1.3 % off at the 95th percentile (docs/planner.md). */
const CHANGE_GAIN = 5e-3
/**
 * Everything together: local, the picture to a helper, every single cut in every wire format, chains, pipelines and row
 * splits, on every trunk that the loss allows; exits placed on the best of them; then hill climbing on the evaluator.
 */
export const auto: Method = {
  name: 'auto',
  about: 'all of them together, refined on the evaluator',
  async propose(search) {
    const learned = search.limits.learn === true ? await learnedSplit(search) : undefined
    return proposeAuto(search, learned === undefined ? [] : [candidate('learned', search, learned)])
  },
}

/**
 * Every plan that `auto` has found, the best first; empty where none keeps the limits. In small rooms it looks under each
 * stricter limit too, as if that had been asked for, and goes on from the best of all.
 */
export function rankedPlans(search: Search): readonly Candidate[] {
  const searches = search.withTrunks()
  return rankedFrom(search, searches, searches.flatMap(knownTo))
}

function rankedFrom(search: Search, searches: readonly Search[], given: readonly Candidate[]): readonly Candidate[] {
  if (!isThorough(search)) {
    const found = climbed(rank([...given, ...searches.flatMap(startsOf)]))
    return onwards(found, finalists(found), (one) => refine(one, LAST_EVALUATIONS))
  }
  let found = rank(given)
  for (const one of searches) {
    for (const within of [one, ...stricterThan(one)]) {
      const best = climbed(rank(startsOf(within)))
      const shaken = onwards(best, finalists(best).slice(0, 1), shake)
      found = rank([...found, ...shaken.map(({ method, draft }) => candidate(method, one, draft))])
    }
  }
  found = onwards(found, finalists(found), (one) => refine(one, LAST_EVALUATIONS))
  found = onwards(found, found.slice(0, 1), reorder)
  found = onwards(found, finalists(found), shake)
  return onwards(found, found.slice(0, 1), walk)
}

const climbed = (found: readonly Candidate[]): Candidate[] =>
  onwards(found, bestOfEachKind(found), (one) => refine(one))

function onwards(
  found: readonly Candidate[],
  from: readonly Candidate[],
  by: (one: Candidate) => readonly Candidate[],
): Candidate[] {
  return rank([...found, ...from.flatMap(by)])
}

function proposeAuto(search: Search, learned: readonly Candidate[]): Proposal {
  const searches = search.withTrunks()
  const given = rank([...learned, ...searches.flatMap(knownTo)])
  const found = rankedFrom(search, searches, given)
  const soonest = inTime(found)
  if (soonest === undefined) {
    search.best([search.single(0)])
    return search.whyNot()
  }
  const { best, left } = withHelpful(givenOr(given, simplest(found, soonest)))
  return {
    ok: true,
    draft: best.draft,
    search: best.search,
    notes: [...assumptions(best), ...uselessDevices(best.search, left, best.cost)],
    runnersUp: runnersUp(found, best),
  }
}

/** What is said of the devices left out is true: one that would save time after all, which climbs that end early miss, is added. */
function withHelpful(chosen: Candidate): { readonly best: Candidate; readonly left: readonly Addition[] } {
  const { method, search } = chosen
  const margin = Math.max(LEAST_GAIN, search.limits.margin)
  let best = chosen
  for (let round = 0; ; round++) {
    const left = additions(search, best.draft)
    let next: Candidate | undefined
    for (const { draft, cost } of left) {
      if (draft !== undefined && cost < (next?.cost ?? best.cost * (1 - margin))) next = { method, search, draft, cost }
    }
    if (next === undefined || round >= search.room.devices.length) return { best, left }
    best = next
  }
}

/** The best of the given plans, where the chosen one gains too little over it; one that answers too late does not stay. */
function givenOr(given: readonly Candidate[], chosen: Candidate): Candidate {
  const deadlineMs = chosen.search.limits.deadlineMs ?? Number.POSITIVE_INFINITY
  const stays = ({ cost, search, draft }: Candidate) =>
    cost >= chosen.cost && cost * (1 - CHANGE_GAIN) <= chosen.cost && search.fullMs(draft) <= deadlineMs
  return given.find(stays) ?? chosen
}

/**
 * Of the plans within the margin: fewest parts and messages, then the fastest. A simpler plan may be slower than another by the
 * margin for every device (exits' included; an initiator that only asks needs no prediction) that it does without, since the
 * prediction of each is off and all wait for the slowest. That holds against every faster plan, so that one more plan that is hardly better
 * changes nothing. Deadlines go first.
 */
function simplest(ranked: readonly Candidate[], best: Candidate): Candidate {
  const { margin, deadlineMs } = best.search.limits
  if (margin <= 0) return best
  const faster: { readonly cost: number; readonly devices: number }[] = []
  let chosen = { one: best, parts: partsOf(best) }
  for (const one of ranked) {
    if (one.cost < best.cost) continue
    if (one.cost > best.cost * (1 + margin * best.search.room.devices.length)) break
    if (deadlineMs !== undefined && one !== best && one.search.fullMs(one.draft) > deadlineMs) continue
    const devices = devicesOf(one.search, one.draft).size
    const parts = partsOf(one)
    const isNear = faster.every((other) => one.cost <= other.cost * (1 + margin * Math.max(1, other.devices - devices)))
    if (isNear && parts < chosen.parts) chosen = { one, parts }
    faster.push({ cost: one.cost, devices })
  }
  return chosen.one
}

/**
 * Ways to a Worker, messages between them, and those between the initiator and who computes: whole volumes of one processor in a
 * row are one.
 */
function partsOf({ search, draft: { volumes } }: Candidate): number {
  const abroad = (shards: readonly DraftShard[] = []) =>
    shards.filter(({ processor }) => search.room.processors[processor]?.device !== 0).length
  let parts = abroad(volumes[0]?.shards) + abroad(volumes.at(-1)?.shards)
  for (const [index, { shards }] of volumes.entries()) {
    const before = volumes[index - 1]?.shards ?? []
    const isNext = shards.length === 1 && before.length === 1 && shards[0]?.processor === before[0]?.processor
    parts += isNext ? 0 : shards.length
    for (const shard of shards) parts += before.filter(({ processor }) => processor !== shard.processor).length
  }
  return parts
}

/** The best that answers in time when no exit does; where none can, the one that comes nearest. */
function inTime(ranked: readonly Candidate[]): Candidate | undefined {
  const [first] = ranked
  const deadlineMs = first?.search.limits.deadlineMs
  if (first === undefined || deadlineMs === undefined) return first
  const timed = ranked.map((one) => ({ one, fullMs: one.search.fullMs(one.draft) }))
  const found = timed.find(({ fullMs }) => fullMs <= deadlineMs)
  return found?.one ?? timed.reduce((a, b) => (b.fullMs < a.fullMs ? b : a)).one
}

/** The best plan of each other kind. */
function runnersUp(ranked: readonly Candidate[], best: Candidate): RunnerUp[] {
  const seen = new Set<string>([best.method])
  const out: RunnerUp[] = []
  for (const { method, search, draft, cost } of ranked) {
    if (seen.has(method)) continue
    seen.add(method)
    out.push({ method, plan: search.plan(draft, method), behindMs: Math.max(0, cost - best.cost) })
  }
  return out
}

function assumptions({ search, draft }: Candidate): string[] {
  let loss = 0
  for (const [at, volume] of draft.volumes.entries()) {
    const next = draft.volumes[at + 1]
    const option = search.model.points[volume.to]?.wires[volume.wire]
    if (next === undefined || option === undefined || option.measured) continue
    const receivers = new Set(next.shards.map((shard) => search.room.processors[shard.processor]?.device))
    const stays = volume.shards.length === 1 && receivers.size === 1 && receivers.has(deviceOfVolume(search, volume))
    if (!stays) loss += option.accuracyLoss
  }
  if (loss === 0) return []
  return [
    `the accuracy loss of its wire formats (${(loss * 100).toFixed(1)} points) is assumed, not measured on this model`,
  ]
}

const deviceOfVolume = (search: Search, volume: DraftVolume): number | undefined =>
  search.room.processors[volume.shards[0]?.processor ?? -1]?.device
