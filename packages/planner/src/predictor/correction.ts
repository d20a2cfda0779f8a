import { fitUtilisation, type LoadedRun, type UtilisationCurve } from './utilisation.ts'

/** A correction stays within these bounds: what is further off is another device, not another speed. */
const BOUNDS = { low: 0.25, high: 4 } as const
/** Recent ratios of which the median counts: five hiccups in a row are a new speed, four are not. */
const WINDOW = 9
/** Weight of the median's step; with the window about the last two dozen runs count. */
const WEIGHT = 0.3
/** Keys that are remembered; the one unused for longest goes first. */
const MAX_KEYS = 256
/** Runs under a known utilisation that are remembered per key. */
const MAX_LOADED = 64

/** What is remembered of one key. `log`: logarithm of the correction. */
interface Learned {
  log: number
  runs: number
  readonly recent: number[]
  readonly loaded: LoadedRun[]
  curve: UtilisationCurve | undefined
}

/** One measured segment. */
export interface ObservedRun {
  /** As predicted with the correction as it was (`factor()`), and with the load's factor if that was applied. */
  readonly predictedMs: number
  readonly observedMs: number
  /** As predicted were nobody else on the processor. Default `predictedMs`. */
  readonly idleMs?: number
  /**
   * Share of the processor that others used meanwhile, 0..1 (the Compute Pressure API, see `utilisationOf`). A run above
   * CALM tells how load slows the device down and nothing about its own speed; without it the ratio tells both at once.
   */
  readonly utilisation?: number
}

/** Below this utilisation a run says how fast the device is by itself. */
const CALM = 0.35

/** Plain data for IndexedDB. */
export interface SavedCorrections {
  readonly version: 1
  readonly keys: Readonly<
    Record<string, { readonly log: number; readonly runs: number; readonly loaded: readonly LoadedRun[] }>
  >
}

/** The key of one backend of one device. */
export const correctionKey = (device: string, backend: string): string => `${device} ${backend}`

/**
 * The online correction: observed / predicted times per device and backend, learned from measured segments. Robust: a step
 * follows the median of the last ratios, so single hiccups move nothing. Bounded in value and in memory.
 */
export class OnlineCorrection {
  readonly #learned = new Map<string, Learned>()

  /** Takes one measured run into account; wrong numbers are ignored. */
  observe(key: string, run: ObservedRun): void {
    const { predictedMs, observedMs, utilisation, idleMs = predictedMs } = run
    const ratio = observedMs / predictedMs
    if (!(predictedMs > 0) || !(observedMs > 0) || !(ratio > 0) || !Number.isFinite(ratio)) return
    const held = this.#touch(key)
    if (utilisation !== undefined && utilisation >= 0 && utilisation <= 1) {
      held.loaded.push({ utilisation, idleMs, ms: observedMs })
      if (held.loaded.length > MAX_LOADED) held.loaded.shift()
      held.curve = undefined
      if (utilisation > CALM) return
    }
    held.runs++
    // The prediction carries the factor already: ratios are kept relative to a prediction without one.
    held.recent.push(held.log + Math.log(ratio))
    if (held.recent.length > WINDOW) held.recent.shift()
    // The first runs on a device count more: its prediction is then at its most uncertain.
    const weight = Math.max(WEIGHT, 1 / held.runs)
    held.log = bounded(held.log + weight * (median(held.recent) - held.log))
  }

  /** What to multiply a prediction with; 1 where nothing was seen. */
  factor(key: string): number {
    return Math.exp(this.#learned.get(key)?.log ?? 0)
  }

  /** How many calm runs stand behind the factor. */
  runs(key: string): number {
    return this.#learned.get(key)?.runs ?? 0
  }

  /** How much longer runs take while others use this share of the processor: measured where enough was, `1 / (1 - u)` elsewhere. */
  loadFactor(key: string, utilisation: number): number {
    const held = this.#learned.get(key)
    if (held === undefined) return fitUtilisation([]).factor(utilisation)
    held.curve ??= fitUtilisation(held.loaded)
    return held.curve.factor(utilisation)
  }

  /** Factors that were learned earlier, such as on an earlier visit; what has been seen since counts more. */
  recall(factors: Iterable<readonly [key: string, factor: number]>): void {
    for (const [key, factor] of factors) {
      if (!(factor > 0) || !Number.isFinite(factor) || this.#learned.has(key)) continue
      this.#touch(key).log = bounded(Math.log(factor))
    }
  }

  /** Forgets what was learned of a device's backend: it was measured anew. */
  forget(key: string): void {
    this.#learned.delete(key)
  }

  /** For IndexedDB: everything learned. */
  toJSON(): SavedCorrections {
    const keys = [...this.#learned].map(
      ([key, { log, runs, loaded }]) => [key, { log, runs, loaded: [...loaded] }] as const,
    )
    return { version: 1, keys: Object.fromEntries(keys) }
  }

  /** Reads what toJSON gave; anything else, an older form included, gives an empty correction. */
  static fromJSON(data: unknown): OnlineCorrection {
    const correction = new OnlineCorrection()
    if (!isRecord(data) || data['version'] !== 1 || !isRecord(data['keys'])) return correction
    for (const [key, value] of Object.entries(data['keys']).slice(-MAX_KEYS)) {
      if (!isRecord(value) || !isNumber(value['log']) || !isNumber(value['runs'])) continue
      const loaded = Array.isArray(value['loaded']) ? value['loaded'].filter(isLoadedRun).slice(-MAX_LOADED) : []
      const held = correction.#touch(key)
      held.log = bounded(value['log'])
      held.runs = Math.max(0, value['runs'])
      held.loaded.push(...loaded)
    }
    return correction
  }

  /** The key's entry, as the one used last. */
  #touch(key: string): Learned {
    const held = this.#learned.get(key) ?? { log: 0, runs: 0, recent: [], loaded: [], curve: undefined }
    this.#learned.delete(key)
    this.#learned.set(key, held)
    for (const oldest of this.#learned.keys()) {
      if (this.#learned.size <= MAX_KEYS) break
      this.#learned.delete(oldest)
    }
    return held
  }
}

const bounded = (log: number): number => Math.min(Math.log(BOUNDS.high), Math.max(Math.log(BOUNDS.low), log))

/** The lower one of an even number: what disturbs a run only ever makes it slower. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function isLoadedRun(value: unknown): value is LoadedRun {
  if (!isRecord(value)) return false
  const { utilisation, idleMs, ms } = value
  return isNumber(utilisation) && isNumber(idleMs) && isNumber(ms) && idleMs > 0 && ms > 0
}
