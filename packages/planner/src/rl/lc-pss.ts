import type { Random } from '@roomful/core'
import type { DraftShard } from '../evaluator/draft.ts'
import { pointAt, segmentAt } from '../model/plannable.ts'
import { rowsMacs } from '../model/row-tables.ts'
import { splitRows } from '../partitioners/rows.ts'
import type { Search } from '../partitioners/search.ts'
import type { RowSpan } from '../partitioners/strips.ts'

/**
 * Weights of the transmitted amount against the operations; DistrEdge sweeps alpha from 0 to 1 and finds 0.75 about best.
 * At 0 every layer with a halo stands alone.
 */
export const ALPHAS = [0.75, 0.9, 0.5, 0.25, 0.1, 0.03, 0]
const RANDOM_SPLITS = 100
const SHIFT = 37

/**
 * Layer-configuration-based partition scheme search (DistrEdge): from one fused volume, greedily adds the boundary that
 * lowers `alpha T + (1 - alpha) O` most, until none does. T: bytes transmitted, O: operations with redundant rows; both
 * are means over random splits, divided by their largest values (every layer alone, all fused).
 * @returns per alpha the ends of the volumes
 */
export function volumeSearch(
  search: Search,
  span: RowSpan,
  devices: number,
  random: Random,
  splits = RANDOM_SPLITS,
): (alpha: number) => number[] {
  const score = volumeScores(search, span, devices, random, splits)
  const total = (ends: readonly number[]): { sent: number; macs: number } => {
    let from = span.from
    let sent = 0
    let macs = 0
    for (const to of ends) {
      const volume = score(from, to)
      sent += volume.sent
      macs += volume.macs
      from = to
    }
    return { sent, macs }
  }
  const every = Array.from({ length: span.to - span.from }, (_, i) => span.from + i + 1)
  const most = { sent: Math.max(1, total(every).sent), macs: Math.max(1, total([span.to]).macs) }
  return (alpha) => {
    const cost = (ends: readonly number[]): number => {
      const { sent, macs } = total(ends)
      return (alpha * sent) / most.sent + ((1 - alpha) * macs) / most.macs
    }
    let ends = [span.to]
    let best = cost(ends)
    for (;;) {
      let better: number[] | undefined
      for (const end of every) {
        if (ends.includes(end)) continue
        const trial = [...ends, end].sort((a, b) => a - b)
        const trialCost = cost(trial)
        if (trialCost >= best) continue
        best = trialCost
        better = trial
      }
      if (better === undefined) return ends
      ends = better
    }
  }
}

/** Mean bytes that devices fetch for a volume from what they hold at its start, and its mean operations. */
function volumeScores(search: Search, span: RowSpan, devices: number, random: Random, count: number) {
  const { model } = search
  const order = Array.from({ length: devices }, (_, i) => i)
  const splits = Array.from({ length: count }, () => order.map(() => -Math.log(1 - random.next())))
  const strips: DraftShard[][][] = []
  const stripsAt = (point: number, at: number): DraftShard[] => {
    strips[point] ??= splits.map((weights) => splitRows(pointAt(model, point).rows, order, weights))
    return strips[point]?.[at % count] ?? []
  }
  const known: { readonly sent: number; readonly macs: number }[][] = []
  /** The volumes that end at a point, by where they begin: each goes on where the shorter one has come to. */
  const endingAt = (to: number) => {
    const sent = new Float64Array(to)
    const macs = new Float64Array(to)
    for (let at = 0; at < count; at++) {
      for (const shard of stripsAt(to, at)) {
        let { start, end } = shard
        let own = 0
        for (let from = to - 1; from >= span.from; from--) {
          const tables = segmentAt(model, from).tables()
          if (tables === undefined) {
            sent.fill(Number.POSITIVE_INFINITY, span.from, from + 1)
            macs.fill(Number.POSITIVE_INFINITY, span.from, from + 1)
            break
          }
          own += rowsMacs(tables, start, end)
          start = tables.needStart[start] as number
          end = tables.needEnd[end] as number
          macs[from] = (macs[from] as number) + own
          if (from === span.from) break
          // Each volume is split by a draw of its own, so that a boundary costs what unlike splits must exchange there.
          const held = stripsAt(from, at + SHIFT).find(({ processor }) => processor === shard.processor)
          const kept = held === undefined ? 0 : Math.max(0, Math.min(end, held.end) - Math.max(start, held.start))
          sent[from] = (sent[from] as number) + (end - start - kept) * pointAt(model, from).elementsPerRow
        }
      }
    }
    return Array.from(sent, (bytes, from) => ({ sent: bytes / count, macs: (macs[from] as number) / count }))
  }
  return (from: number, to: number): { readonly sent: number; readonly macs: number } => {
    known[to] ??= endingAt(to)
    return known[to]?.[from] ?? { sent: Number.POSITIVE_INFINITY, macs: Number.POSITIVE_INFINITY }
  }
}
