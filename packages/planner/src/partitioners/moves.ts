import type { Random } from '@roomful/core'
import type { Draft, DraftVolume } from '../evaluator/draft.ts'
import { isTileable, pointAt } from '../model/plannable.ts'
import { balanced } from './balance.ts'
import { isThorough } from './case-size.ts'
import { addedExits, changedSettings, droppedExits, movedExits } from './exit-moves.ts'
import { joined, rehung, withoutExits } from './place-exits.ts'
import { rescale, rowVolume, shardsOf, splitRows } from './rows.ts'
import type { Search } from './search.ts'
import { speeds } from './strips.ts'

export type Moves = (search: Search, draft: Draft, exitPoints: ReadonlySet<number>) => Iterable<Draft>

/** Small changes of a draft, the cheapest to try first: shift a cut, change its wire, move a volume, move rows. */
export const PLAIN_MOVES: readonly { readonly of: Moves; readonly again: boolean }[] = [
  { of: shiftedCuts, again: true },
  { of: changedWires, again: true },
  { of: movedVolumes, again: false },
  { of: mergedVolumes, again: false },
  { of: droppedDevices, again: false },
  { of: sharedVolumes, again: false },
  { of: rebalancedRows, again: true },
  { of: movedRows, again: true },
  { of: changedInputs, again: false },
  { of: insertedVolumes, again: false },
  { of: insertedShares, again: false },
]

/** Those of the exits, and those of the plan below them that an exit's tensor stands in the way of. */
export const EXIT_MOVES: typeof PLAIN_MOVES = [
  { of: movedExits, again: true },
  { of: changedSettings, again: false },
  { of: droppedExits, again: true },
  { of: addedExits, again: true },
  ...PLAIN_MOVES.map(({ of, again }) => ({ of: belowExits(of), again })),
]

const NOWHERE: ReadonlySet<number> = new Set()

/** A move of the plan without its exits, which are hung on what it makes. */
function belowExits(of: Moves): Moves {
  return function* (search, draft) {
    const plain = withoutExits(draft)
    for (const moved of of(search, plain, NOWHERE)) {
      const trial = rehung(search, moved, draft)
      if (trial !== undefined) yield trial
    }
  }
}

const replace = (draft: Draft, at: number, ...volumes: DraftVolume[]): Draft => ({
  ...draft,
  volumes: [...draft.volumes.slice(0, at), ...volumes, ...draft.volumes.slice(at + volumes.length)],
})

function* shiftedCuts(search: Search, draft: Draft, exitPoints: ReadonlySet<number>): Generator<Draft> {
  for (let at = 0; at + 1 < draft.volumes.length; at++) {
    const before = draft.volumes[at] as DraftVolume
    const after = draft.volumes[at + 1] as DraftVolume
    if (exitPoints.has(before.to)) continue
    for (const step of [-1, 1, -2, 2]) {
      const cut = before.to + step
      if (cut <= before.from || cut >= after.to) continue
      if (before.shards.length > 1 && !isTileable(search.model, before.from, cut)) continue
      if (after.shards.length > 1 && !isTileable(search.model, cut, after.to)) continue
      const shards = rescale(before.shards, pointAt(search.model, before.to).rows, pointAt(search.model, cut).rows)
      const wire = Math.min(before.wire, pointAt(search.model, cut).wires.length - 1)
      yield replace(draft, at, rowVolume(before.from, cut, shards, wire, before.route), { ...after, from: cut })
    }
  }
}

function* changedWires(search: Search, draft: Draft): Generator<Draft> {
  for (const [at, volume] of draft.volumes.entries()) {
    if (volume.to === search.last) continue
    for (const [wire, option] of pointAt(search.model, volume.to).wires.entries()) {
      const sharded = volume.shards.length > 1 || (draft.volumes[at + 1]?.shards.length ?? 1) > 1
      if (wire === volume.wire || (sharded && option.wire.bottleneck !== undefined)) continue
      yield replace(draft, at, { ...volume, wire })
    }
  }
}

function* movedVolumes(search: Search, draft: Draft, exitPoints: ReadonlySet<number>): Generator<Draft> {
  for (const [at, volume] of draft.volumes.entries()) {
    for (const processor of search.main) {
      if (processor < 0 || (volume.shards.length === 1 && volume.shards[0]?.processor === processor)) continue
      const moved = replace(
        draft,
        at,
        rowVolume(volume.from, volume.to, [{ processor, start: 0, end: 0 }], volume.wire),
      )
      yield joined(moved, exitPoints)
    }
  }
}

function* mergedVolumes(search: Search, draft: Draft, exitPoints: ReadonlySet<number>): Generator<Draft> {
  for (let at = 0; at + 1 < draft.volumes.length; at++) {
    const before = draft.volumes[at] as DraftVolume
    const after = draft.volumes[at + 1] as DraftVolume
    if (exitPoints.has(before.to)) continue
    for (const source of [before, after]) {
      const sharded = source.shards.length > 1
      if (sharded && !isTileable(search.model, before.from, after.to)) continue
      const rows = pointAt(search.model, source.to).rows
      const shards = rescale(source.shards, rows, pointAt(search.model, after.to).rows)
      const volumes = [...draft.volumes]
      volumes.splice(at, 2, rowVolume(before.from, after.to, shards, after.wire, after.route))
      yield { ...draft, volumes }
    }
  }
}

/** A device out of every volume that is split by rows, and its rows to the others in proportion. */
function* droppedDevices(search: Search, draft: Draft): Generator<Draft> {
  const sharing = new Set(
    draft.volumes.flatMap(({ shards }) => (shards.length > 1 ? shards.map((s) => s.processor) : [])),
  )
  if (sharing.size < 2) return
  for (const dropped of sharing) {
    const volumes = draft.volumes.map((volume) => {
      if (volume.shards.length < 2) return volume
      const rest = volume.shards.filter((shard) => shard.processor !== dropped)
      const rows = rest.reduce((sum, shard) => sum + shard.end - shard.start, 0)
      const shards = rest.length < 2 ? rest : rescale(rest, rows, pointAt(search.model, volume.to).rows)
      return rest.length === volume.shards.length
        ? volume
        : rowVolume(volume.from, volume.to, shards, volume.wire, volume.route)
    })
    yield { ...draft, volumes }
  }
}

/** One more device for a volume that can be split by rows, at either end of the strips. */
function* sharedVolumes(search: Search, draft: Draft): Generator<Draft> {
  for (const [at, { from, to, shards, wire, route }] of draft.volumes.entries()) {
    if (from < search.firstCut || !isTileable(search.model, from, to)) continue
    const rows = pointAt(search.model, to).rows
    const counts = shards.length === 1 ? [rows] : shards.map((shard) => shard.end - shard.start)
    const mine = shards.map((shard) => shard.processor)
    for (const added of search.main) {
      if (added < 0 || mine.includes(added)) continue
      const rates = speeds(search, [...mine, added], { from, to })
      const sum = rates.reduce((total, rate) => total + rate, 0)
      const taken = Math.max(1, Math.min(rows - 1, Math.round((rows * (rates.at(-1) ?? 0)) / sum)))
      const rest = rescaleCounts(counts, rows - taken)
      yield replace(draft, at, rowVolume(from, to, shardsOf([...mine, added], [...rest, taken]), wire, route))
      yield replace(draft, at, rowVolume(from, to, shardsOf([added, ...mine], [taken, ...rest]), wire, route))
    }
  }
}

const rescaleCounts = (counts: readonly number[], rows: number): number[] => {
  const out = counts.map(() => 0)
  for (const shard of splitRows(
    rows,
    counts.map((_, at) => at),
    counts,
  ))
    out[shard.processor] = shard.end - shard.start
  return out
}

/** A part of a volume handed to another device. */
function* insertedVolumes(search: Search, draft: Draft): Generator<Draft> {
  for (const [at, { from, to, shards, wire, route }] of draft.volumes.entries()) {
    const [only] = shards
    if (shards.length !== 1 || only === undefined) continue
    for (let cut = Math.max(from + 1, search.firstCut); cut < to; cut++) {
      for (const other of search.main) {
        if (other < 0 || other === only.processor) continue
        const [own, theirs] = [[only], [{ processor: other, start: 0, end: 0 }]]
        for (const [first, second] of [
          [own, theirs],
          [theirs, own],
        ] as const) {
          const volumes = [...draft.volumes]
          volumes.splice(at, 1, rowVolume(from, cut, first, search.wire(cut)), rowVolume(cut, to, second, wire, route))
          yield { ...draft, volumes }
        }
      }
    }
  }
}

/** In small rooms, a part of a volume shared with another device, at either end of the strips. */
function* insertedShares(search: Search, draft: Draft): Generator<Draft> {
  if (!isThorough(search)) return
  for (const [at, { from, to, shards, wire, route }] of draft.volumes.entries()) {
    const [only] = shards
    if (shards.length !== 1 || only === undefined) continue
    for (let cut = Math.max(from + 1, search.firstCut); cut < to; cut++) {
      const split: [number, number, number, DraftVolume['route']][] = [
        [from, cut, search.wire(cut), 'peer'],
        [cut, to, wire, route],
      ]
      for (const [part, [begin, end]] of split.entries()) {
        if (begin < search.firstCut || !isTileable(search.model, begin, end)) continue
        for (const other of search.main) {
          if (other < 0 || other === only.processor) continue
          for (const pair of [
            [only.processor, other],
            [other, only.processor],
          ]) {
            const rows = splitRows(
              pointAt(search.model, end).rows,
              pair,
              speeds(search, pair, { from: begin, to: end }),
            )
            const volumes = split.map(([a, b, ...rest], i) => rowVolume(a, b, i === part ? rows : [only], ...rest))
            yield { ...draft, volumes: draft.volumes.toSpliced(at, 1, ...volumes) }
          }
        }
      }
    }
  }
}

/** One volume's rows balanced by computing time (EdgeLD's rule). */
function* rebalancedRows(search: Search, draft: Draft): Generator<Draft> {
  for (const [at, { from, to, shards, wire, route }] of draft.volumes.entries()) {
    if (shards.length < 2) continue
    const processors = shards.map((shard) => shard.processor)
    const weights = shards.map((shard) => shard.end - shard.start)
    yield replace(draft, at, rowVolume(from, to, balanced(search, from, to, processors, weights), wire, route))
  }
}

/** Rows from the shard that computes longest to each of the others, and between any two while there are few. */
function* movedRows(search: Search, draft: Draft): Generator<Draft> {
  for (const [at, { from, to, shards, wire, route }] of draft.volumes.entries()) {
    if (shards.length < 2) continue
    const processors = shards.map((shard) => shard.processor)
    const counts = shards.map((shard) => shard.end - shard.start)
    const total = pointAt(search.model, to).rows
    const ms = shards.map((s) => search.evaluator.costs.shardMs(s.processor, from, to, s.start, s.end))
    const slowest = ms.indexOf(Math.max(...ms))
    for (let giver = 0; giver < counts.length; giver++) {
      if (counts.length > 4 && giver !== slowest) continue
      for (let taker = 0; taker < counts.length; taker++) {
        if (giver === taker) continue
        for (const rows of new Set([1, Math.max(1, Math.round(total / 16)), counts[giver] as number])) {
          if (rows > (counts[giver] as number)) continue
          const next = [...counts]
          next[giver] = (next[giver] as number) - rows
          next[taker] = (next[taker] as number) + rows
          yield replace(draft, at, rowVolume(from, to, shardsOf(processors, next), wire, route))
        }
      }
    }
  }
}

function* changedInputs(search: Search, draft: Draft): Generator<Draft> {
  for (const input of search.inputs) if (input !== draft.input) yield { ...draft, input }
}

/** One of a plan's neighbours, of a kind that is drawn first; the plan itself where it has none of it. */
export function randomMove(search: Search, draft: Draft, random: Random): Draft {
  const moves = draft.exits.length > 0 ? EXIT_MOVES : PLAIN_MOVES
  const { of } = moves[random.int(moves.length)] as (typeof moves)[number]
  const trials = [...of(search, draft, exitPointsOf(search, draft))]
  return trials[random.int(Math.max(1, trials.length))] ?? draft
}

export const exitPointsOf = (search: Search, { exits }: Draft): ReadonlySet<number> =>
  new Set(exits.map(({ exit }) => search.model.exits[exit]?.point ?? -1))
