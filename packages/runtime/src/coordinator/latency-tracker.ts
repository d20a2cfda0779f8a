/** Answers remembered per plan. */
const WINDOW = 100
/** What is believed of a new plan, as standard deviations of the logarithm: how far its prediction is off ... */
const PREDICTION_OFF = 0.6
/** ... and how far its answers lie apart, which counts as so many answers. */
const SPREAD = 0.4
const SPREAD_WEIGHT = 4
/** Standard normal quantile of 0.99. */
const Z99 = 2.326
/** A timer that is so late means nothing. */
const TIMER_MS = 20

/**
 * When an answer of one plan is late: beyond the 99th percentile of its answers' times. These are taken to be log-normal
 * about the predicted time: what is believed of a new plan (about 5 times the prediction) gives way to what is observed
 * (normal model with a conjugate prior of the mean; Gelman et al., Bayesian Data Analysis, 2.5), so that a handful of
 * answers is enough and a single slow one does not rule the rest.
 */
export class LatencyTracker {
  readonly #predictedMs: number
  /** Logarithms of observed over predicted time. */
  readonly #seen: number[] = []

  constructor(predictedMs: number) {
    this.#predictedMs = Math.max(1, predictedMs)
  }

  /** A request that took the plan's whole way: none that an exit answered, or that began at a later cut. */
  add(totalMs: number): void {
    this.#seen.push(Math.log(Math.max(totalMs, 0.1) / this.#predictedMs))
    if (this.#seen.length > WINDOW) this.#seen.shift()
  }

  get lateAfterMs(): number {
    const count = this.#seen.length
    const observed = count === 0 ? 0 : this.#seen.reduce((sum, x) => sum + x, 0) / count
    const squares = this.#seen.reduce((sum, x) => sum + (x - observed) ** 2, 0)
    const spread = (SPREAD_WEIGHT * SPREAD ** 2 + squares) / (SPREAD_WEIGHT + count)
    // A prediction that answers fall far behind is believed less; answers that come sooner may yet come later.
    const certainty = 1 / Math.max(PREDICTION_OFF, observed) ** 2 + count / spread
    const mean = (count * observed) / spread / certainty
    return this.#predictedMs * Math.exp(mean + Z99 * Math.sqrt(spread + 1 / certainty)) + TIMER_MS
  }
}
