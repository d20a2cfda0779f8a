/** Observations kept per plan. */
const WINDOW = 100
/** Below this many observations the prediction rules. */
const ENOUGH = 20

/**
 * When an answer of one plan is late. Until 20 answers have come, four times the predicted time and at least half a
 * second more than it (predictions of a new plan may be far off); then the observed 99th percentile and half as much again.
 */
export class LatencyTracker {
  readonly #predictedMs: number
  readonly #seen: number[] = []

  constructor(predictedMs: number) {
    this.#predictedMs = predictedMs
  }

  add(totalMs: number): void {
    this.#seen.push(totalMs)
    if (this.#seen.length > WINDOW) this.#seen.shift()
  }

  get lateAfterMs(): number {
    const doubtful = Math.max(4 * this.#predictedMs, this.#predictedMs + 500)
    if (this.#seen.length < ENOUGH) return Math.max(doubtful, 1.5 * Math.max(0, ...this.#seen))
    const sorted = this.#seen.toSorted((a, b) => a - b)
    const p99 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0
    return 1.5 * p99 + 20
  }
}
