/** One run of known work under a measured utilisation (0..1). */
export interface LoadedRun {
  readonly utilisation: number
  /** Time predicted for an idle device. */
  readonly idleMs: number
  readonly ms: number
}

/** `T = a(u) F + b` (METHODS section 2): how `a` grows with the utilisation u, as straight pieces between bins. */
export interface UtilisationCurve {
  /** Factor on the idle time at `u`, at least 1. */
  factor(utilisation: number): number
}

const BINS = 5

/** Mean slow-down per bin of utilisation, made non-decreasing; without samples `1 / (1 - u)`, at most tenfold. */
export function fitUtilisation(runs: readonly LoadedRun[]): UtilisationCurve {
  const sums = Array.from({ length: BINS }, () => ({ ms: 0, idleMs: 0 }))
  for (const { utilisation, idleMs, ms } of runs) {
    const bin = sums[Math.min(BINS - 1, Math.floor(utilisation * BINS))]
    if (bin === undefined || idleMs <= 0) continue
    bin.ms += ms
    bin.idleMs += idleMs
  }
  let floor = 1
  const levels = sums.map(({ ms, idleMs }, at) => {
    const middle = (at + 0.5) / BINS
    const level = idleMs > 0 ? ms / idleMs : runs.length > 0 ? floor : 1 / Math.max(0.1, 1 - middle)
    floor = Math.max(floor, level)
    return floor
  })
  return {
    factor(utilisation) {
      const place = Math.max(0, Math.min(BINS - 1, utilisation * BINS - 0.5))
      const low = Math.floor(place)
      const high = Math.min(BINS - 1, low + 1)
      const share = place - low
      return (levels[low] as number) * (1 - share) + (levels[high] as number) * share
    },
  }
}

/**
 * States of the Compute Pressure API (W3C, 2024) as shares of the processor: the standard leaves the thresholds to the
 * browser; these are the middles of Chromium's. [ours]
 */
const PRESSURE: Readonly<Record<string, number>> = { nominal: 0.15, fair: 0.45, serious: 0.75, critical: 0.95 }

/** A `PressureRecord`'s state as a utilisation; undefined for states that are not known. */
export function utilisationOf(state: string): number | undefined {
  return Object.hasOwn(PRESSURE, state) ? PRESSURE[state] : undefined
}
