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
/** Fewer runs in a bin say nothing of it. */
const ENOUGH = 3
const MOST = 10

/** What is believed of a device that nobody has watched under load: it computes in the time that is left, at most tenfold. */
export const unseenLoadFactor = (utilisation: number): number => 1 / Math.max(1 / MOST, 1 - utilisation)

/**
 * Median slow-down per bin of utilisation with enough runs, at the bin's mean utilisation, made non-decreasing and joined by
 * straight lines from 1 at none. Above the highest one it grows as `1 / (1 - u)` does; with nothing seen it is that.
 */
export function fitUtilisation(runs: readonly LoadedRun[]): UtilisationCurve {
  const bins = Array.from({ length: BINS }, (): LoadedRun[] => [])
  for (const run of runs) if (run.idleMs > 0) bins[Math.min(BINS - 1, Math.floor(run.utilisation * BINS))]?.push(run)
  const knots = [{ at: 0, factor: 1 }]
  let floor = 1
  for (const bin of bins) {
    if (bin.length < ENOUGH) continue
    const ratios = bin.map(({ ms, idleMs }) => ms / idleMs).sort((x, y) => x - y)
    floor = Math.max(floor, ratios[(ratios.length - 1) >> 1] ?? 1)
    knots.push({ at: bin.reduce((sum, { utilisation }) => sum + utilisation, 0) / bin.length, factor: floor })
  }
  return {
    factor(utilisation) {
      const next = knots.findIndex(({ at }) => at >= utilisation)
      const [low, high] = next < 0 ? [knots.at(-1), undefined] : [knots[next - 1], knots[next]]
      if (high === undefined) {
        const { at = 0, factor = 1 } = low ?? {}
        return Math.min(MOST, (factor * unseenLoadFactor(utilisation)) / unseenLoadFactor(at))
      }
      if (low === undefined) return high.factor
      return low.factor + ((high.factor - low.factor) * (utilisation - low.at)) / (high.at - low.at)
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
