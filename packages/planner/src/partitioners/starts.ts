import { seededRandom } from '@roomful/core'
import { type Draft, fromPlan } from '../evaluator/draft.ts'
import { volumeSearch } from '../rl/lc-pss.ts'
import { fusePoints } from './aofl.ts'
import { balanced } from './balance.ts'
import { type Candidate, candidate, rank } from './candidate.ts'
import { isMiddle } from './case-size.ts'
import { latencyChain } from './chain.ts'
import { sizedForDeadline } from './edgent.ts'
import { singleCut, singleCuts } from './neurosurgeon.ts'
import { pipelineDrafts } from './pipeline.ts'
import { placeExits } from './place-exits.ts'
import { rowChainDrafts } from './row-chain.ts'
import type { Search } from './search.ts'
import { complete, everyLayer, type RowSpan, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

/** Chains are ordered by latency; for throughput any of them may be the best. */
const MAX_CHAINS = 4
const MAX_VOLUME_SEARCH = 24
const VOLUME_SPLITS = 4
/** In rooms that are allowed more time, and in small ones, where they take little. */
const MANY_VOLUME_SPLITS = 12
const VOLUME_ALPHAS = [0.9, 0.75, 0.5, 0.1] as const

/** The given plans that fit this trunk and this room. */
export function knownTo(search: Search): Candidate[] {
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

/** The plans that hill climbing starts from. */
export function startsOf(search: Search): Candidate[] {
  const drafts: [string, Draft][] = [['local', search.single(0)]]
  if (search.firstCut === 0) {
    for (const device of search.helpers)
      for (const input of search.inputs) drafts.push(['offload', search.single(device, input)])
  }
  for (const draft of singleCuts(search)) drafts.push(['cut', draft])
  const chains = latencyChain(search)
  const tried = search.limits.objective === 'latency' ? chains.slice(0, MAX_CHAINS) : chains
  for (const draft of tried) drafts.push(['chain', draft])
  // What rests between its turns computes in bursts: so short periods make short answers, too.
  const hasBursts = search.room.processors.some(({ compute }) => compute.burst > 1)
  if (search.limits.objective === 'throughput' || hasBursts)
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
    add(
      'rows',
      complete(
        search,
        stripVolumes(search, span, ends, (_, to) => split(to)),
        tail,
      ),
    )
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
