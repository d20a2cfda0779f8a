import { seededRandom } from '@roomful/core'
import type { Draft } from '../evaluator/draft.ts'
import { type Candidate, candidate, isShared, kindOf, rank } from './candidate.ts'
import { isMiddle, isSmall, isThorough } from './case-size.ts'
import { improve } from './climb.ts'
import { ExhaustiveWalk } from './exhaustive.ts'
import { randomMove } from './moves.ts'
import { placeExits, rehung, withoutExits } from './place-exits.ts'
import { shardsOf } from './rows.ts'
import type { Search } from './search.ts'

/**
 * Evaluations that one refinement may take: plans with many shards take longer each and get fewer, so that planning for
 * 8 devices and 20 cuts stays within 50 ms.
 */
const MAX_EVALUATIONS = 250
const MAX_SMALL_EVALUATIONS = 500
const SHARD_EVALUATIONS = 10_000
const MAX_REFINED = 10
const MAX_SMALL_REFINED = 10
/** In large cases, for latency, a kind of whole volumes whose best plan costs so many times the best of all is not refined. */
const DOMINATED = 1.1
const SMALL_STEPS = 25_000
/** From each base plan, in all and at once. */
const SHAKEN_EVALUATIONS = 1000
const SHAKE_EVALUATIONS = 150
const MAX_SHAKES = 60
const FINALISTS = 3

function evaluationsFor(search: Search, { volumes }: Draft): number {
  const shards = volumes.reduce((sum, volume) => sum + volume.shards.length, 0)
  return Math.min(isThorough(search) ? MAX_SMALL_EVALUATIONS : MAX_EVALUATIONS, Math.ceil(SHARD_EVALUATIONS / shards))
}

/** Small cases: a row split with its devices in every other order, each refined; its exits stay where they are. */
export function reorder({ method, search, draft }: Candidate): Candidate[] {
  const plain = withoutExits(draft)
  const sharing = [
    ...new Set(plain.volumes.flatMap(({ shards }) => (shards.length > 1 ? shards : [])).map((s) => s.processor)),
  ]
  if (!isSmall(search) || sharing.length < 2) return []
  return permutations(sharing).flatMap((order) => {
    const volumes = plain.volumes.map((volume) => {
      if (volume.shards.length < 2) return volume
      const rowsOf = (processor: number) => volume.shards.find((shard) => shard.processor === processor)
      const counts = order.map((processor) => {
        const shard = rowsOf(processor)
        return shard === undefined ? 0 : shard.end - shard.start
      })
      return { ...volume, shards: shardsOf(order, counts) }
    })
    const turned = rehung(search, { ...plain, volumes }, draft)
    return turned === undefined ? [] : [climbed(method, search, turned)]
  })
}

/** The draft after hill climbing, `times` as long as usual. */
const climbed = (method: string, search: Search, draft: Draft, times = 1): Candidate =>
  candidate(method, search, improve(search, draft, evaluationsFor(search, draft) * times))

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((first, at) => permutations(items.toSpliced(at, 1)).map((rest) => [first, ...rest]))
}

/**
 * Small cases: a walk over all plans without exits that could be better by more than half a percent than this one, as long as
 * it stays short: with the usual wire formats, then with every one.
 */
export function walk({ method, search, draft }: Candidate): Candidate[] {
  if (!isSmall(search)) return []
  const known = withoutExits(draft)
  const found = (search.limits.wire === undefined ? [true, false] : [true]).flatMap((oneWire) => {
    const walked = new ExhaustiveWalk(search, { known, gain: 0.005, maxSteps: SMALL_STEPS, oneWire })
    walked.go()
    const { best } = walked
    return best === undefined || best === known ? [] : [candidate(method, search, best)]
  })
  return rank(found)
    .slice(0, 1)
    .flatMap((one) => refine(one))
}

/** In small rooms: changes of a plan at random, some at a time, and hill climbing from there, again and again. */
export function shake({ method, search, draft }: Candidate): Candidate[] {
  if (!isThorough(search)) return []
  const shaken = shakenFrom(search, draft, SHAKEN_EVALUATIONS)
  return shaken === draft ? [] : refine(candidate(method, search, shaken))
}

function shakenFrom(search: Search, draft: Draft, evaluations: number): Draft {
  const random = seededRandom(search.limits.seed)
  const { evaluator } = search
  const until = evaluator.count + evaluations
  let best = draft
  let bestCost = search.cost(draft)
  for (let round = 0; round < MAX_SHAKES && evaluator.count < until; round++) {
    let moved = best
    for (let i = 2 + random.int(2); i > 0; i--) moved = randomMove(search, moved, random)
    const tried = improve(search, moved, SHAKE_EVALUATIONS)
    const cost = search.cost(tried)
    if (cost >= bestCost) continue
    best = tried
    bestCost = cost
  }
  return best
}

/** The best candidate of each kind, best first: refining near-copies of one plan would find one plan. */
export function bestOfEachKind(ranked: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>()
  const kinds = ranked.filter((one) => {
    const kind = startKind(one)
    if (seen.has(kind)) return false
    seen.add(kind)
    return true
  })
  const [first] = kinds
  if (first === undefined) return []
  if (isThorough(first.search)) return kinds.slice(0, MAX_SMALL_REFINED)
  // Whole volumes far behind stay so; many short shares can be joined.
  const near = first.search.limits.objective === 'latency' ? first.cost * DOMINATED : Number.POSITIVE_INFINITY
  return kinds.filter(({ cost, draft }) => cost <= near || isShared(draft)).slice(0, MAX_REFINED)
}

function startKind(one: Candidate): string {
  const { method, search, draft } = one
  return isThorough(search) ? kindOf(one) : `${method} ${search.model.trunk} ${isShared(draft)}`
}

/** Hill climbing from a plan, and again with exits. */
export function refine({ method, search, draft }: Candidate, times = 1): Candidate[] {
  const better = climbed(method, search, draft, times)
  const { exits } = better.draft
  if (!search.limits.exits || exits.length > 0 || search.model.settings.length === 0) return [better]
  const left = search.limits.maxAccuracyLoss - search.evaluate(better.draft).accuracyLoss
  return [better, climbed('exits', search, placeExits(search, better.draft, left))]
}

/** Those with which the search goes on: the best; in small rooms the best of some kinds, one without exits among them. */
export function finalists(ranked: readonly Candidate[]): Candidate[] {
  const [first] = ranked
  if (first === undefined) return []
  if (isMiddle(first.search)) return [first]
  if (!isThorough(first.search)) return ranked.slice(0, 2)
  const plain = ranked.find(({ draft }) => draft.exits.length === 0)
  const kinds = new Map(ranked.toReversed().map((one) => [kindOf(one), one]))
  const best = rank([...kinds.values()]).slice(0, FINALISTS)
  return plain === undefined || best.includes(plain) ? best : [...best, plain]
}
