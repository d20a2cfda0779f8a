import type { DraftShard } from '../evaluator/draft.ts'
import { pointAt, segmentAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { splitRows } from './rows.ts'
import type { Search } from './search.ts'
import { complete, type RowSpan, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

/**
 * AOFL (Zhou et al., SEC'19): the fuse points are searched over a latency model, the spatial split follows the
 * devices' capability. Because the split at a point is fixed, the search is an exact dynamic program. [ours]
 */
export const aofl: Method = {
  name: 'aofl',
  about: "fuse points by search over a latency model, rows by capability (SEC'19)",
  propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const processors = workers(search)
    const weights = speeds(search, processors, span)
    const { ends, split } = fusePoints(search, span, processors, weights)
    const best = search.best(
      complete(
        search,
        stripVolumes(search, span, ends, (_, to) => split(to)),
      ),
    )
    return best === undefined ? search.whyNot() : propose(best)
  },
}

/** The ends of the volumes that minimise computing plus exchanges for a fixed proportion of rows. */
export function fusePoints(search: Search, span: RowSpan, processors: readonly number[], weights: readonly number[]) {
  const { model, evaluator, exchanges } = search
  const splits = new Map<number, DraftShard[]>()
  const split = (to: number): DraftShard[] => {
    const known = splits.get(to)
    if (known !== undefined) return known
    const made = splitRows(pointAt(model, to).rows, processors, weights)
    splits.set(to, made)
    return made
  }
  const best: number[] = []
  const previous: number[] = []
  best[span.from] = 0
  for (let to = span.from + 1; to <= span.to; to++) {
    best[to] = Number.POSITIVE_INFINITY
    let needed = split(to)
    for (let from = to - 1; from >= span.from; from--) {
      const tables = segmentAt(model, from).tables()
      if (tables === undefined) break
      needed = needed.map(({ processor, start, end }) => ({
        processor,
        start: tables.needStart[start] as number,
        end: tables.needEnd[end] as number,
      }))
      let compute = 0
      for (const s of split(to)) {
        compute = Math.max(compute, evaluator.costs.shardMs(s.processor, from, to, s.start, s.end))
      }
      // Longer volumes take longer still.
      if (compute >= (best[to] as number)) break
      if ((best[from] as number) + compute >= (best[to] as number)) continue
      const exchange = from === span.from ? 0 : exchanges.ms(from, split(from), needed, search.wire(from))
      const total = (best[from] as number) + exchange + compute
      if (total >= (best[to] as number)) continue
      best[to] = total
      previous[to] = from
    }
  }
  const ends: number[] = []
  for (let to = span.to; to > span.from; to = previous[to] as number) ends.unshift(to)
  return { ends, split, ms: best[span.to] as number }
}
