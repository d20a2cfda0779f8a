import type { DraftShard, DraftVolume } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { balanced } from '../partitioners/balance.ts'
import { rowVolume, splitRows } from '../partitioners/rows.ts'
import type { Search } from '../partitioners/search.ts'
import { complete, type RowSpan, speeds, workers } from '../partitioners/strips.ts'

/** The shards of each volume, in the order of the processors. */
export type Decision = readonly (readonly DraftShard[])[]

/**
 * Where DistrEdge's agent begins: rows in proportion to speed; balanced rows over the fastest devices, all of them and
 * ever fewer, for the first volumes, and all rows of the others on the fastest; and rows that let all devices of a group
 * end each volume together, given when each ended the one before (what the agent's state shows it). [ours]
 */
export function warmStart(search: Search, span: RowSpan, ends: readonly number[]): Decision[] {
  const processors = workers(search)
  const weights = speeds(search, processors, span)
  const rowsAt = (to: number) => pointAt(search.model, to).rows
  const fromOf = (volume: number) => ends[volume - 1] ?? span.from
  const out: Decision[] = [ends.map((to) => splitRows(rowsAt(to), processors, weights))]
  for (const group of fastestGroups(processors, weights)) {
    const rates = group.map((processor) => weights[processors.indexOf(processor)] ?? 0)
    const fastest = group[rates.indexOf(Math.max(...rates))] as number
    const level = ends.map((to, volume) => balanced(search, fromOf(volume), to, group, rates))
    const alone = ends.map((to): DraftShard[] => [{ processor: fastest, start: 0, end: rowsAt(to) }])
    const heads = group.length === 1 ? [0] : ends.map((_, volume) => volume + 1)
    for (const split of heads) out.push([...level.slice(0, split), ...alone.slice(split)])
    if (group.length > 1) out.push(together(search, span, ends, group, rates))
  }
  return out
}

/** Volume by volume the rows with which the slowest of a group ends soonest. */
function together(
  search: Search,
  span: RowSpan,
  ends: readonly number[],
  group: readonly number[],
  rates: readonly number[],
): Decision {
  const volumes: DraftVolume[] = []
  let from = span.from
  for (const to of ends) {
    const endedMs = finishTimes(search, volumes, group)
    const least = Math.min(...endedMs)
    const lateMs = (processor: number) => (endedMs[group.indexOf(processor)] ?? 0) - least
    volumes.push(rowVolume(from, to, balanced(search, from, to, group, rates, lateMs), search.wire(to)))
    from = to
  }
  return volumes.map(({ shards, to }) =>
    shards.map((shard) => (shards.length === 1 ? { ...shard, start: 0, end: pointAt(search.model, to).rows } : shard)),
  )
}

/** Until when each of the processors is busy with the first volumes of a split. */
export function finishTimes(search: Search, volumes: readonly DraftVolume[], processors: readonly number[]): number[] {
  if (volumes.length === 0) return processors.map(() => 0)
  // From the picture on: what must stay on the initiator before the split belongs to it.
  const [draft] = complete(search, volumes, search.mainOf(0))
  const end = volumes.at(-1)?.to ?? 0
  const prefix = (draft?.volumes ?? volumes).filter(({ to }) => to <= end)
  return search.evaluator.finishTimes({ input: 'tensor', volumes: prefix, exits: [], shares: [] }, processors)
}

/** The fastest devices in the order of the processors: all, and ever fewer, down to one; at most eleven groups. */
export function fastestGroups(processors: readonly number[], weights: readonly number[]): number[][] {
  const order = processors.map((_, at) => at).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0))
  const sizes = new Set<number>()
  for (let i = 8; i >= 1; i--) sizes.add(Math.max(1, Math.round((processors.length * i) / 8)))
  for (const size of [3, 2, 1]) sizes.add(Math.min(size, processors.length))
  return [...sizes].map((size) => {
    const chosen = new Set(order.slice(0, size))
    return processors.filter((_, at) => chosen.has(at))
  })
}
