import { type Draft, type DraftShard, type DraftVolume, wholeVolume } from '../evaluator/draft.ts'
import { pointAt, segmentAt } from '../model/plannable.ts'
import { rowVolume, splitRows } from './rows.ts'
import type { Search } from './search.ts'

/** Where a network is split by rows: from the first point that may leave the initiator to the last that has rows. */
export interface RowSpan {
  readonly from: number
  readonly to: number
}

/** undefined when there is nothing to split by rows. */
export function rowSpan(search: Search): RowSpan | undefined {
  const from = search.firstCut
  const to = search.lastRows(from)
  return to > from ? { from, to } : undefined
}

/** Main processors of the devices that compute, the initiator's first. */
export const workers = (search: Search): number[] => search.main.filter((processor) => processor >= 0)

/** Speeds over a span in multiply-accumulates per ms, the weights of a split in proportion to compute. */
export function speeds(search: Search, processors: readonly number[], span: RowSpan): number[] {
  let macs = 0
  for (let i = span.from; i < span.to; i++) macs += segmentAt(search.model, i).macs
  return processors.map((processor) => {
    return Math.max(macs, 1) / Math.max(search.evaluator.costs.spanMs(processor, span.from, span.to), 1e-6)
  })
}

/** Ends of the volumes when every layer stands alone. */
export const everyLayer = (span: RowSpan): number[] =>
  Array.from({ length: span.to - span.from }, (_, i) => span.from + i + 1)

/** Ends of the volumes when layers are fused up to each reduction of the rows. */
export function everyReduction(search: Search, span: RowSpan): number[] {
  const ends: number[] = []
  for (let i = span.from + 1; i < span.to; i++) {
    const reduced = pointAt(search.model, i).rows < pointAt(search.model, i - 1).rows
    if (reduced && i - 1 > (ends.at(-1) ?? span.from) - 1) ends.push(i)
  }
  return [...ends, span.to]
}

/** Row volumes over a span: `split` gives the shards of the volume that ends at a point. */
export function stripVolumes(
  search: Search,
  span: RowSpan,
  ends: readonly number[],
  split: (from: number, to: number) => readonly DraftShard[],
  route: DraftVolume['route'] = 'peer',
): DraftVolume[] {
  let from = span.from
  return ends.map((to) => {
    const volume = rowVolume(from, to, split(from, to), search.wire(to), route)
    from = to
    return volume
  })
}

/** Shards in the same proportion at every volume. */
export function proportional(search: Search, processors: readonly number[], weights: readonly number[]) {
  return (_from: number, to: number): DraftShard[] => splitRows(pointAt(search.model, to).rows, processors, weights)
}

/**
 * Whole drafts around row volumes: what must stay on the initiator before them, the rest of the network on the device
 * given (default: on each in turn), the picture in each allowed format.
 */
export function complete(search: Search, strips: readonly DraftVolume[], tail?: number): Draft[] {
  const first = strips[0]
  const end = strips.at(-1)?.to ?? search.firstCut
  if (first === undefined) return []
  const head = first.from > 0 ? [wholeVolume(0, first.from, search.mainOf(0), search.wire(first.from))] : []
  if (end === search.last) return search.inputs.map((input) => draftOf(input, [...head, ...strips]))
  const tails = tail === undefined ? workers(search) : [tail]
  return tails.flatMap((processor) =>
    search.inputs.map((input) => draftOf(input, [...head, ...strips, wholeVolume(end, search.last, processor)])),
  )
}

const draftOf = (input: Draft['input'], volumes: readonly DraftVolume[]): Draft => ({
  input,
  volumes,
  exits: [],
  shares: [],
})
