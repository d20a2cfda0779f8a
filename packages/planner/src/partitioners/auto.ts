import { seededRandom } from '@roomful/core'
import { type Draft, type DraftVolume, fromPlan } from '../evaluator/draft.ts'
import { volumeSearch } from '../rl/lc-pss.ts'
import { fusePoints } from './aofl.ts'
import { balanced } from './balance.ts'
import { latencyChain } from './chain.ts'
import { learnedSplit } from './distredge.ts'
import { sizedForDeadline } from './edgent.ts'
import { ExhaustiveWalk } from './exhaustive.ts'
import type { Method, Proposal, RunnerUp } from './method.ts'
import { improve } from './moves.ts'
import { singleCut, singleCuts } from './neurosurgeon.ts'
import { pipelineDrafts } from './pipeline.ts'
import { placeExits } from './place-exits.ts'
import { rowChainDrafts } from './row-chain.ts'
import { shardsOf } from './rows.ts'
import type { Search } from './search.ts'
import { complete, everyLayer, type RowSpan, rowSpan, speeds, stripVolumes, workers } from './strips.ts'
import { uselessDevices } from './why.ts'

interface Candidate {
  readonly method: string
  readonly search: Search
  readonly draft: Draft
  readonly cost: number
}

/**
 * Evaluations that one refinement may take: plans with many shards take longer each and get fewer, so that planning for
 * 8 devices and 20 cuts stays within 50 ms.
 */
const MAX_EVALUATIONS = 250
const MAX_SMALL_EVALUATIONS = 500
const MAX_REFINED = 10
/** In large cases, for latency, a kind of whole volumes whose best plan costs so many times the best of all is not refined. */
const DOMINATED = 1.1
const SHARD_EVALUATIONS = 10_000
/** Chains are ordered by latency; for throughput any of them may be the best. */
const MAX_CHAINS = 4
const MAX_VOLUME_SEARCH = 24
const VOLUME_SPLITS = 4
/** In rooms that are allowed more time, and in small ones, where they take little. */
const MANY_VOLUME_SPLITS = 12
const VOLUME_ALPHAS = [0.9, 0.75, 0.5, 0.1] as const
/** The best plan of all is refined with so many times the evaluations. */
const LAST_EVALUATIONS = 3
const SMALL_CUTS = 12
const SMALL_DEVICES = 4
const SMALL_STEPS = 40_000

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

function proposeAuto(search: Search, learned: readonly Candidate[]): Proposal {
  const searches = search.withTrunks()
  const candidates = [...learned, ...searches.flatMap((one) => [...knownTo(one), ...candidatesOf(one)])]
  const ranked = rank(candidates)
  if (ranked[0] === undefined) {
    search.best([search.single(0)])
    return search.whyNot()
  }
  const refined = bestOfEachKind(ranked).flatMap((candidate) => refine(candidate))
  const again = rank([...ranked, ...refined])
    .slice(0, isMiddle(searches[0] as Search) ? 1 : 2)
    .flatMap((candidate) => refine(candidate, LAST_EVALUATIONS))
  const turned = rank([...ranked, ...refined, ...again])
    .slice(0, 1)
    .flatMap((candidate) => reorder(candidate))
  const walked = rank([...ranked, ...refined, ...again, ...turned])
    .slice(0, 1)
    .flatMap((candidate) => walk(candidate))
  const all = rank([...ranked, ...refined, ...again, ...turned, ...walked])
  const best = simplest(all, inTime(all) as Candidate)
  return {
    ok: true,
    draft: best.draft,
    search: best.search,
    notes: [...assumptions(best), ...uselessDevices(best.search, best.draft, best.cost)],
    runnersUp: runnersUp(all, best),
  }
}

/** Of the plans within the margin of the best: fewest parts and messages, then the fastest. Deadlines go first. */
function simplest(ranked: readonly Candidate[], best: Candidate): Candidate {
  const { margin, deadlineMs } = best.search.limits
  if (margin <= 0) return best
  let chosen = { one: best, parts: partsOf(best.draft) }
  for (const one of ranked) {
    if (one.cost > best.cost * (1 + margin)) break
    const parts = partsOf(one.draft)
    if (one.cost < best.cost || parts >= chosen.parts) continue
    if (deadlineMs !== undefined && one.search.evaluate(one.draft).fullMs > deadlineMs) continue
    chosen = { one, parts }
  }
  return chosen.one
}

/** Ways to a Worker, and messages between them: whole volumes of one processor in a row are one. */
function partsOf({ volumes }: Draft): number {
  let parts = 0
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
  const timed = ranked.map((one) => ({ one, fullMs: one.search.evaluate(one.draft).fullMs }))
  const found = timed.find(({ fullMs }) => fullMs <= deadlineMs)
  return found?.one ?? timed.reduce((a, b) => (b.fullMs < a.fullMs ? b : a)).one
}

/** The given plans that fit this trunk and this room. */
function knownTo(search: Search): Candidate[] {
  const { model, room, limits } = search
  return (limits.known ?? []).flatMap((plan) => {
    if (plan.trunk !== model.trunk) return []
    const draft = fromPlan(plan, model, room)
    if (draft === undefined) return []
    if (draft.exits.length === 0) return [candidate('known', search, draft)]
    const setting = model.settings.find(({ thresholds }) =>
      draft.exits.every(({ exit, threshold }) => thresholds[exit] === threshold),
    )
    if (setting === undefined) return []
    return [candidate('known', search, { ...draft, shares: setting.shares, exitLoss: setting.accuracyLoss })]
  })
}

function candidatesOf(search: Search): Candidate[] {
  const drafts: [string, Draft][] = [['local', search.single(0)]]
  if (search.firstCut === 0) {
    for (const device of search.helpers)
      for (const input of search.inputs) drafts.push(['offload', search.single(device, input)])
  }
  for (const draft of singleCuts(search)) drafts.push(['cut', draft])
  const chains = latencyChain(search)
  const tried = search.limits.objective === 'latency' ? chains.slice(0, MAX_CHAINS) : chains
  for (const draft of tried) drafts.push(['chain', draft])
  if (search.limits.objective === 'throughput')
    for (const draft of pipelineDrafts(search)) drafts.push(['pipeline', draft])
  for (const draft of rowChainDrafts(search)) drafts.push(['rows', draft])
  for (const [kind, draft] of publishedSplits(search)) drafts.push([kind, draft])
  const plain = drafts.map(([method, draft]) => candidate(method, search, draft))
  const exits = sizedForDeadline(search).map((draft) => candidate('exits', search, draft))
  return [...plain, ...withExits(search, plain), ...exits]
}

/**
 * The row splits of AOFL, EdgeLD and DistrEdge's volumes over the fastest devices: other starting points than the dynamic
 * program's.
 */
function publishedSplits(search: Search): [string, Draft][] {
  const span = rowSpan(search)
  if (span === undefined || search.helpers.length === 0) return []
  const all = workers(search)
  const rates = new Map(speeds(search, all, span).map((rate, at) => [all[at] as number, rate]))
  const fastest = [...all].sort((a, b) => (rates.get(b) ?? 0) - (rates.get(a) ?? 0))
  const drafts: [string, Draft][] = []
  const volumes = shortVolumes(search, span, all.length)
  for (const size of new Set([2, 3, 4, 6, 8, 12, all.length])) {
    if (size > all.length) continue
    const group = fastest.slice(0, size).sort((a, b) => a - b)
    const weights = group.map((processor) => rates.get(processor) ?? 0)
    const { ends, split } = fusePoints(search, span, group, weights)
    const tail = fastest[0]
    const add = (kind: string, made: readonly Draft[]) => {
      for (const draft of made) drafts.push([kind, draft])
    }
    const inProportion = stripVolumes(search, span, ends, (_, to) => split(to))
    add('rows', complete(search, inProportion, tail))
    const evenly = (from: number, to: number) => balanced(search, from, to, group, weights)
    add('rows', complete(search, stripVolumes(search, span, ends, evenly), tail))
    for (const other of volumes) add('volumes', complete(search, stripVolumes(search, span, other, evenly), tail))
    if (search.limits.objective === 'throughput') {
      add('rows', complete(search, stripVolumes(search, span, everyLayer(span), evenly), tail))
    }
  }
  return drafts
}

/** DistrEdge's LC-PSS with few random splits; nothing for long networks, whose search would take too long. */
function shortVolumes(search: Search, span: RowSpan, devices: number): number[][] {
  if (span.to - span.from > MAX_VOLUME_SEARCH) return []
  const splits = isMiddle(search) ? VOLUME_SPLITS : MANY_VOLUME_SPLITS
  const volumes = volumeSearch(search, span, devices, seededRandom(search.limits.seed), splits)
  const found = new Map(VOLUME_ALPHAS.map(volumes).map((ends) => [ends.join(), ends]))
  return [...found.values()]
}

/** Exits on the best plain plans, on local, and on every cut at which an exit hangs. */
function withExits(search: Search, plain: readonly Candidate[]): Candidate[] {
  const { model, limits } = search
  if (!limits.exits || model.exits.length === 0 || model.settings.length === 0) return []
  const bases = rank(plain)
    .slice(0, 3)
    .map(({ draft }) => draft)
  bases.push(search.single(0))
  const fastest = rank(plain.filter(({ method }) => method === 'offload'))[0]
  const helper = search.room.processors[fastest?.draft.volumes[0]?.shards[0]?.processor ?? -1]?.device
  if (helper !== undefined) {
    for (const { point } of model.exits) {
      if (point >= Math.max(1, search.firstCut)) bases.push(singleCut(search, helper, point, search.wire(point)))
    }
  }
  return bases.map((draft) => {
    const left = limits.maxAccuracyLoss - search.evaluate(draft).accuracyLoss
    return candidate('exits', search, placeExits(search, draft, left))
  })
}

function evaluationsFor(search: Search, { volumes }: Draft): number {
  const shards = volumes.reduce((sum, volume) => sum + volume.shards.length, 0)
  const few = search.room.devices.length <= SMALL_DEVICES
  return Math.min(few ? MAX_SMALL_EVALUATIONS : MAX_EVALUATIONS, Math.ceil(SHARD_EVALUATIONS / shards))
}

/** Small cases: the best row split with its devices in every other order, each refined. */
function reorder({ method, search, draft }: Candidate): Candidate[] {
  const sharing = [
    ...new Set(draft.volumes.flatMap(({ shards }) => (shards.length > 1 ? shards : [])).map((s) => s.processor)),
  ]
  if (!isSmall(search) || draft.exits.length > 0 || sharing.length < 2) return []
  return permutations(sharing).map((order) => {
    const volumes = draft.volumes.map((volume) => {
      if (volume.shards.length < 2) return volume
      const rowsOf = (processor: number) => volume.shards.find((shard) => shard.processor === processor)
      const counts = order.map((processor) => {
        const shard = rowsOf(processor)
        return shard === undefined ? 0 : shard.end - shard.start
      })
      return { ...volume, shards: shardsOf(order, counts) }
    })
    const turned = { ...draft, volumes }
    return candidate(method, search, improve(search, turned, evaluationsFor(search, turned)))
  })
}

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((first, at) => permutations(items.toSpliced(at, 1)).map((rest) => [first, ...rest]))
}

/** Small cases: a walk over all plans that could be better by more than half a percent, as long as it stays short. */
function walk({ method, search, draft }: Candidate): Candidate[] {
  if (!isSmall(search) || draft.exits.length > 0) return []
  const walked = new ExhaustiveWalk(search, { known: draft, gain: 0.005, maxSteps: SMALL_STEPS, oneWire: true })
  walked.go()
  return walked.best === undefined || walked.best === draft
    ? []
    : [candidate(method, search, improve(search, walked.best, evaluationsFor(search, walked.best)))]
}

const isSmall = (search: Search): boolean => search.last <= SMALL_CUTS && search.room.devices.length <= SMALL_DEVICES

/** Rooms in which every millisecond of planning counts. */
const isMiddle = ({ room }: Search): boolean => room.devices.length > SMALL_DEVICES && room.devices.length <= 8

const whoComputes = ({ shards }: DraftVolume): string => shards.map((shard) => shard.processor).join('+')

/** The best candidate of each kind, best first: refining near-copies of one plan would find one plan. */
function bestOfEachKind(ranked: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>()
  const kinds = ranked.filter(({ method, search, draft }) => {
    const kind = `${method} ${search.model.trunk} ${isSmall(search) ? draft.volumes.map(whoComputes).join() : isShared(draft)}`
    if (seen.has(kind)) return false
    seen.add(kind)
    return true
  })
  const [first] = kinds
  // Small cases are to be exact. Elsewhere whole volumes far behind stay so; many short shares can be joined.
  const isWide = first !== undefined && !isSmall(first.search) && first.search.limits.objective === 'latency'
  const near = isWide ? first.cost * DOMINATED : Number.POSITIVE_INFINITY
  return kinds.filter(({ cost, draft }) => cost <= near || isShared(draft)).slice(0, MAX_REFINED)
}

const isShared = ({ volumes }: Draft): boolean => volumes.some(({ shards }) => shards.length > 1)

function refine({ method, search, draft }: Candidate, times = 1): Candidate[] {
  const better = improve(search, draft, evaluationsFor(search, draft) * times)
  const out = [candidate(method, search, better)]
  if (search.limits.exits && better.exits.length === 0 && search.model.settings.length > 0) {
    const left = search.limits.maxAccuracyLoss - search.evaluate(better).accuracyLoss
    const placed = placeExits(search, better, left)
    out.push(candidate('exits', search, improve(search, placed, evaluationsFor(search, placed))))
  }
  return out
}

const candidate = (method: string, search: Search, draft: Draft): Candidate => ({
  method,
  search,
  draft,
  cost: search.cost(draft),
})

const rank = (candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(({ cost }) => Number.isFinite(cost)).sort((a, b) => a.cost - b.cost)

/** The best plan of each other kind. */
function runnersUp(ranked: readonly Candidate[], best: Candidate): RunnerUp[] {
  const seen = new Set<string>([best.method])
  const out: RunnerUp[] = []
  for (const { method, search, draft, cost } of ranked) {
    if (seen.has(method)) continue
    seen.add(method)
    out.push({ method, plan: search.evaluator.plan(draft, method), behindMs: cost - best.cost })
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
