export interface Percentiles {
  readonly count: number
  readonly failed: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

interface Ended {
  readonly startMs: number
  readonly endMs: number
  readonly outcome: string
}

/** Of the answered requests, by the nearest-rank method; 0 where none was answered. */
export function percentilesOf(requests: readonly Ended[]): Percentiles {
  const times = requests.filter(({ outcome }) => outcome === 'ok').map(({ startMs, endMs }) => endMs - startMs)
  times.sort((a, b) => a - b)
  const rank = (share: number) => times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0
  return {
    count: times.length,
    failed: requests.length - times.length,
    meanMs: times.reduce((sum, ms) => sum + ms, 0) / Math.max(1, times.length),
    p50Ms: rank(0.5),
    p90Ms: rank(0.9),
    p95Ms: rank(0.95),
    p99Ms: rank(0.99),
    maxMs: times.at(-1) ?? 0,
  }
}

/** From the first arrival to the last end. */
export function spanMs(requests: readonly Ended[]): number {
  if (requests.length === 0) return 0
  return Math.max(...requests.map(({ endMs }) => endMs)) - Math.min(...requests.map(({ startMs }) => startMs))
}
