import { percentile } from '../../room/statistics.ts'
import type { CancelRuns, DelayRun, Processors } from './page/page.ts'

/** What exits cost a request that takes none of them; apps/bench/METHODOLOGY.md defines each figure. */
export interface DelayRow {
  readonly exits: readonly string[]
  readonly processors: Processors
  readonly rounds: number
  /** Multiply-accumulates of the exits over those of the trunk. */
  readonly macShare: number
  readonly aloneMs: number
  /** Median over the rounds of the time with exits over the time without, of the same round. */
  readonly ratio: number
  /** Of that median: 95 % interval by order statistics. */
  readonly ratioInterval: readonly [low: number, high: number]
  /** The machine's part, where exits have a processor of their own: the same ratio of bare sessions, uncut, exits beside. */
  readonly machineRatio?: number
  /** What cutting the network where the exits hang costs by itself: bare sessions, cut over uncut. */
  readonly cutRatio?: number
  /** `ratio - machineRatio`: what is Roomful's, cutting included. */
  readonly added?: number
  /** What the ratio may be at most. */
  readonly bound: number
  readonly ok: boolean
}

/** How soon a cancelled request frees its processor. */
export interface CancelRow {
  readonly model: string
  readonly wholeMs: number
  readonly segments: number
  readonly longestSegmentMs: number
  readonly freeAfterMs: { readonly median: number; readonly p95: number; readonly max: number }
  readonly cancels: number
  /** Whether segment ends are at most 20 ms apart. */
  readonly ok: boolean
}

/** A sample that takes no exit may be delayed by so much; beside a processor of their own exits count as nothing. */
const SLACK = 0.05
const MAX_SEGMENT_MS = 20

export function delayRow(
  variant: { readonly exits: readonly string[]; readonly processors: Processors },
  index: number,
  runs: readonly DelayRun[],
  macShare: number,
): DelayRow {
  const ratios = runs.map(({ aloneMs, variantsMs }) => (variantsMs[index] ?? Number.NaN) / aloneMs)
  // Controls are run for the variants beside the trunk, which come first.
  const bare = (of: 'besideMs' | 'cutMs') =>
    percentile(
      runs.map(({ control }) => (control[of][index] ?? Number.NaN) / control.aloneMs),
      0.5,
    )
  const machineRatio = bare('besideMs')
  const bound = 1 + SLACK + (variant.processors === 'own' ? 0 : macShare)
  const ratio = percentile(ratios, 0.5)
  return {
    ...variant,
    rounds: runs.length,
    macShare,
    aloneMs: percentile(
      runs.map(({ aloneMs }) => aloneMs),
      0.5,
    ),
    ratio,
    ratioInterval: medianInterval(ratios),
    ...(variant.processors === 'own' ? { machineRatio, cutRatio: bare('cutMs'), added: ratio - machineRatio } : {}),
    bound,
    ok: ratio <= bound,
  }
}

export function cancelRow(model: string, { wholeMs, segmentsMs, freeAfterMs }: CancelRuns): CancelRow {
  const longestSegmentMs = Math.max(...segmentsMs)
  return {
    model,
    wholeMs,
    segments: segmentsMs.length,
    longestSegmentMs,
    freeAfterMs: {
      median: percentile(freeAfterMs, 0.5),
      p95: percentile(freeAfterMs, 0.95),
      max: Math.max(...freeAfterMs),
    },
    cancels: freeAfterMs.length,
    ok: longestSegmentMs <= MAX_SEGMENT_MS,
  }
}

/** Distribution-free 95 % interval of a median: the order statistics n/2 +- 0.98 sqrt(n) (normal approximation of the binomial). */
function medianInterval(values: readonly number[]): readonly [number, number] {
  const sorted = values.toSorted((a, b) => a - b)
  const half = 0.98 * Math.sqrt(sorted.length)
  const low = Math.max(0, Math.floor(sorted.length / 2 - half))
  const high = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + half))
  return [sorted[low] ?? Number.NaN, sorted[high] ?? Number.NaN]
}
