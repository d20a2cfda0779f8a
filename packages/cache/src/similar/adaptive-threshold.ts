export interface AdaptiveThresholdOptions {
  /** Share of hits that may be wrong, 0..1. */
  readonly errorTarget: number
  /** Similarity at which it starts. Default 0.95. */
  readonly start?: number
  /** Bounds of the similarity. Default 0.6 to 0.999. */
  readonly min?: number
  readonly max?: number
}

/** A wrong hit takes the threshold this share of the way to its upper bound. */
const TIGHTEN = 0.2

/**
 * Least similarity of a hit, learned from the hits that are computed all the same (Potluck, ASPLOS'18). Ours: after a wrong
 * one it tightens by a step, after a right one it loosens by `errorTarget / (1 - errorTarget)` of such a step, so it
 * comes to rest where wrong hits have the target's share (stochastic approximation, Robbins and Monro).
 */
export class AdaptiveThreshold {
  readonly #errorTarget: number
  readonly #min: number
  readonly #max: number
  #similarity: number

  constructor({ errorTarget, start = 0.95, min = 0.6, max = 0.999 }: AdaptiveThresholdOptions) {
    this.#errorTarget = errorTarget
    this.#min = min
    this.#max = max
    this.#similarity = start
  }

  get similarity(): number {
    return this.#similarity
  }

  learn(right: boolean): void {
    const step = Math.max(1e-4, TIGHTEN * (this.#max - this.#similarity))
    const change = right ? (-step * this.#errorTarget) / (1 - this.#errorTarget) : step
    this.#similarity = Math.min(this.#max, Math.max(this.#min, this.#similarity + change))
  }
}
