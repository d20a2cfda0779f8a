import type { AnswerSource, ExitName } from '@roomful/core'
import type { RequestView, StatsView } from '../snapshot.ts'

const MAX_REQUESTS = 100

export const EMPTY_STATS: StatsView = {
  answered: 0,
  failed: 0,
  recovered: 0,
  p50Ms: 0,
  p95Ms: 0,
  byExit: {},
  bySource: { computed: 0, 'own-cache': 0, 'room-cache': 0 },
}

/** The last hundred requests with one more. */
export function withRequest(requests: readonly RequestView[], request: RequestView): readonly RequestView[] {
  return [...requests, request].slice(-MAX_REQUESTS)
}

/** The story of an answered request, told anew when stages have reported after the answer; unknown requests change nothing. */
export function withTrace(requests: readonly RequestView[], trace: RequestView['trace']): readonly RequestView[] {
  const at = requests.findIndex((each) => each.trace.request === trace.request)
  const found = requests[at]
  // What the person waited stays what it was.
  return found === undefined
    ? requests
    : requests.with(at, { ...found, trace: { ...trace, totalMs: found.trace.totalMs } })
}

/** Counts go on from `stats`; percentiles are those of `requests` (the last hundred). Exits count computed answers only. */
export function statsWith(stats: StatsView, request: RequestView, requests: readonly RequestView[]): StatsView {
  const { trace } = request
  const totals = Float64Array.from(requests, (each) => each.trace.totalMs).sort()
  return {
    ...stats,
    answered: stats.answered + 1,
    recovered: stats.recovered + (trace.recovered === undefined ? 0 : 1),
    p50Ms: percentile(totals, 0.5),
    p95Ms: percentile(totals, 0.95),
    byExit: trace.source === 'computed' ? counted(stats.byExit, trace.exit) : stats.byExit,
    bySource: countedSource(stats.bySource, trace.source),
  }
}

function counted(counts: Readonly<Record<ExitName, number>>, exit: ExitName): Record<ExitName, number> {
  return { ...counts, [exit]: (counts[exit] ?? 0) + 1 }
}

function countedSource(counts: StatsView['bySource'], source: AnswerSource): StatsView['bySource'] {
  return { ...counts, [source]: counts[source] + 1 }
}

/** Nearest-rank percentile of sorted values; 0 when there are none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
