/** A ratio of one run is believed only within these bounds: a hiccup is no new speed. */
const BOUNDS = { low: 0.25, high: 4 } as const
/** Weight of a new ratio; about the last dozen runs count. */
const WEIGHT = 0.15

/**
 * The online correction: observed / predicted times per device and class of segment (for example `conv` or the name of a
 * stage), smoothed in logarithms and bounded. A class without runs of its own uses its device's.
 */
export class OnlineCorrection {
  readonly #logs = new Map<string, number>()

  /** Takes one measured run into account; wrong numbers are ignored. */
  observe(device: string, segmentClass: string, predictedMs: number, observedMs: number): void {
    if (!(predictedMs > 0) || !(observedMs > 0) || !Number.isFinite(observedMs / predictedMs)) return
    // The prediction already carries the factor: the new ratio is relative to it.
    for (const key of [device, `${device}\n${segmentClass}`]) {
      const held = this.#logs.get(key) ?? 0
      const ratio = Math.log(Math.min(BOUNDS.high, Math.max(BOUNDS.low, observedMs / predictedMs)))
      const next = held + WEIGHT * ratio
      this.#logs.set(key, Math.min(Math.log(BOUNDS.high), Math.max(Math.log(BOUNDS.low), next)))
    }
  }

  /** What to multiply a prediction with; 1 where nothing was seen. */
  factor(device: string, segmentClass?: string): number {
    const own = segmentClass === undefined ? undefined : this.#logs.get(`${device}\n${segmentClass}`)
    return Math.exp(own ?? this.#logs.get(device) ?? 0)
  }

  /** Factors that were learned earlier, such as on an earlier visit; what has been seen since counts more. */
  recall(factors: Iterable<readonly [device: string, factor: number]>): void {
    for (const [device, factor] of factors) {
      if (!(factor > 0) || !Number.isFinite(factor) || this.#logs.has(device)) continue
      this.#logs.set(device, Math.min(Math.log(BOUNDS.high), Math.max(Math.log(BOUNDS.low), Math.log(factor))))
    }
  }

  /** For IndexedDB: plain data of everything learned. */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#logs)
  }

  static fromJSON(data: Readonly<Record<string, number>>): OnlineCorrection {
    const correction = new OnlineCorrection()
    for (const [key, value] of Object.entries(data)) if (Number.isFinite(value)) correction.#logs.set(key, value)
    return correction
  }
}
