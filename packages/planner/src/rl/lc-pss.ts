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
  const known = new Map<number, { sent: number; macs: number }>()
  return (from: number, to: number): { sent: number; macs: number } => {
    const key = from * 4096 + to
    const cached = known.get(key)
    if (cached !== undefined) return cached
    let sent = 0
    let macs = 0
    for (let at = 0; at < count; at++) {
      // Each volume is split by a draw of its own, so that a boundary costs what unlike splits must exchange there.
      const held = stripsAt(from, at + SHIFT)
      for (const shard of stripsAt(to, at)) {
        let { start, end } = shard
        for (let i = to - 1; i >= from; i--) {
          const tables = segmentAt(model, i).tables()
          if (tables === undefined) return { sent: Number.POSITIVE_INFINITY, macs: Number.POSITIVE_INFINITY }
          macs += rowsMacs(tables, start, end)
          start = tables.needStart[start] as number
          end = tables.needEnd[end] as number
        }
        const own = held.find((strip) => strip.processor === shard.processor)
        const kept = own === undefined ? 0 : Math.max(0, Math.min(end, own.end) - Math.max(start, own.start))
        if (from > span.from) sent += (end - start - kept) * pointAt(model, from).elementsPerRow
      }
    }
    const mean = { sent: sent / count, macs: macs / count }
    known.set(key, mean)
    return mean
  }
}
