import type { Clock } from '@roomful/core'

export interface BucketRate {
  /** Tokens that may be used at once after a pause. */
  readonly burst: number
  /** Tokens that come back per second. */
  readonly perSecond: number
}

/** Allows `burst` actions at once and `perSecond` in the long run. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #rate: BucketRate
  #tokens: number
  #at: number

  constructor(clock: Clock, rate: BucketRate) {
    this.#clock = clock
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at = clock.now()
  }

  /** Takes a token: 0, or the milliseconds until there is one again. */
  take(): number {
    const now = this.#clock.now()
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate.perSecond)
    this.#at = now
    if (this.#tokens >= 1) {
      this.#tokens--
      return 0
    }
    return Math.ceil(((1 - this.#tokens) / this.#rate.perSecond) * 1000)
  }
}
