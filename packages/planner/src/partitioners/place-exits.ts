import type { Draft, DraftExit, DraftVolume } from '../evaluator/draft.ts'
import type { ExitSetting } from '../model/plannable.ts'
import type { Search } from './search.ts'
import { structureOf } from './structure.ts'

/** At most this many settings of the exits are tried, spread over the operating curve. */
const MAX_SETTINGS = 6

/** Settings within the loss that is left, each better than all more accurate ones; evenly thinned. */
export function usableSettings(search: Search, lossLeft: number): ExitSetting[] {
  const usable = search.model.settings
    .filter((setting) => setting.accuracyLoss <= lossLeft + 1e-9)
    .sort((a, b) => finalShare(a) - finalShare(b) || a.accuracyLoss - b.accuracyLoss)
  if (usable.length <= MAX_SETTINGS) return usable
  const step = (usable.length - 1) / (MAX_SETTINGS - 1)
  return Array.from({ length: MAX_SETTINGS }, (_, i) => usable[Math.round(i * step)] as ExitSetting)
}

const finalShare = (setting: ExitSetting): number => setting.shares.at(-1) ?? 1

/** The draft with a volume boundary at `point`; undefined where that lies inside a volume split by rows. */
export function withBoundary(draft: Draft, point: number, wire: number): Draft | undefined {
  if (draft.volumes.some((volume) => volume.to === point)) return draft
  const volumes: DraftVolume[] = []
  for (const volume of draft.volumes) {
    if (volume.from >= point || volume.to <= point) {
      volumes.push(volume)
      continue
    }
    if (volume.shards.length > 1) return undefined
    volumes.push({ ...volume, to: point, wire, route: 'peer' }, { ...volume, from: point })
  }
  return { ...draft, volumes }
}

/** Joins consecutive volumes of the same single processor where no exit hangs on the boundary. */
export function joined(draft: Draft, exitPoints: ReadonlySet<number>): Draft {
  const volumes: DraftVolume[] = []
  for (const volume of draft.volumes) {
    const previous = volumes.at(-1)
    const [a] = previous?.shards ?? []
    const [b] = volume.shards
    const same = previous?.shards.length === 1 && volume.shards.length === 1 && a?.processor === b?.processor
    if (previous !== undefined && same && previous.route === 'peer' && !exitPoints.has(previous.to)) {
      volumes[volumes.length - 1] = { ...volume, from: previous.from }
    } else volumes.push(volume)
  }
  return { ...draft, volumes }
}

/**
 * Which exits to use, where each runs and whether the trunk goes on meanwhile (METHODS section 2): for every usable
 * setting, each exit in turn is left out or put on the processor and in the mode that lowers the expected cost most.
 */
export function placeExits(search: Search, draft: Draft, lossLeft: number, processors = allProcessors(search)): Draft {
  const known = PLACED.get(search) ?? new Map<string, Placement>()
  PLACED.set(search, known)
  const key = `${lossLeft} ${processors.join()} ${structureOf(search, draft)}`
  const { evaluator } = search
  const placement = known.get(key)
  if (placement !== undefined) {
    evaluator.count += placement.evaluations
    return placement.draft === undefined ? draft : { ...placement.draft }
  }
  const { count } = evaluator
  const best = placedExits(search, draft, lossLeft, processors)
  known.set(key, { draft: best === draft ? undefined : best, evaluations: evaluator.count - count })
  return best
}

/** Of a plan that exits have been placed on before: the plan with them, undefined where none is worth it. */
interface Placement {
  readonly draft: Draft | undefined
  readonly evaluations: number
}

const PLACED = new WeakMap<Search, Map<string, Placement>>()

function placedExits(search: Search, draft: Draft, lossLeft: number, processors: readonly number[]): Draft {
  let best = draft
  let bestCost = search.cost(draft)
  const bounded = search.limits.objective === 'latency' && search.limits.cache === undefined
  for (const setting of usableSettings(search, lossLeft)) {
    let current: Draft = { ...draft, shares: setting.shares, exitLoss: setting.accuracyLoss }
    let cost = bestCost
    for (const [index, exit] of search.model.exits.entries()) {
      const split = withBoundary(current, exit.point, search.wire(exit.point))
      if (split === undefined) continue
      const others = current.exits.filter((entry) => entry.exit !== index)
      search.evaluator.exitAnchor({ ...split, exits: others })
      for (const processor of processors) {
        for (const mode of modesOn(split, exit.point, processor)) {
          const placed: DraftExit = {
            exit: index,
            processor,
            threshold: setting.thresholds[index] ?? exit.threshold,
            mode,
          }
          const trial = { ...split, exits: [...others, placed] }
          const trialCost = search.cost(trial, search.evaluator.quick(trial, bounded ? { latencyMs: cost } : undefined))
          if (trialCost >= cost) continue
          cost = trialCost
          current = trial
        }
      }
    }
    if (cost < bestCost) {
      best = current
      bestCost = cost
    }
  }
  return best
}

/**
 * On the processor that goes on with the trunk an exit can only race by taking turns with it, and then its verdict comes
 * behind the trunk's next session: there it is waited for.
 */
export function modesOn(draft: Draft, point: number, processor: number): readonly DraftExit['mode'][] {
  const next = draft.volumes.find((volume) => volume.from === point)
  const shared = next?.shards.some((shard) => shard.processor === processor) ?? false
  return shared ? ['wait'] : ['race', 'wait']
}

export const allProcessors = ({ room, main, processors }: Search): number[] =>
  processors.filter((at) => (main[room.processors[at]?.device ?? -1] ?? -1) >= 0)

/** The plan without its exits; volumes that only an exit separated are one. */
export function withoutExits(draft: Draft): Draft {
  const { exitLoss: _, ...rest } = draft
  return joined({ ...rest, exits: [], shares: [] }, new Set())
}

/**
 * The exits of `draft` on another plan without exits: each stays with who computes its tensor, or who goes on from there,
 * where it was with one of them, and on its processor otherwise. undefined where an exit would hang inside of a volume that
 * is split by rows.
 */
export function rehung(search: Search, plain: Draft, draft: Draft): Draft | undefined {
  let split: Draft | undefined = plain
  for (const { exit } of draft.exits) {
    const point = search.model.exits[exit]?.point ?? -1
    const wire = draft.volumes.find(({ to }) => to === point)?.wire
    split = split && withBoundary(split, point, wire ?? search.wire(point))
  }
  if (split === undefined) return undefined
  const { volumes } = split
  const exits = draft.exits.map((placed) => {
    const point = search.model.exits[placed.exit]?.point ?? -1
    const onlyOf = (of: readonly DraftVolume[], side: 'from' | 'to') => {
      const shards = of.find((volume) => volume[side] === point)?.shards
      return shards?.length === 1 ? shards[0]?.processor : undefined
    }
    const side = (['to', 'from'] as const).find((one) => onlyOf(draft.volumes, one) === placed.processor)
    const processor = (side && onlyOf(volumes, side)) ?? placed.processor
    const mode = onlyOf(volumes, 'from') === processor ? 'wait' : placed.mode
    return { ...placed, processor, mode }
  })
  const { exitLoss, shares } = draft
  return { ...split, exits, shares, ...(exitLoss === undefined ? {} : { exitLoss }) }
}
