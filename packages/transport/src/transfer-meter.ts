import type { Clock } from '@roomful/core'

/** Shorter transfers say more about the round trip than about the link. */
const MIN_BYTES = 64 << 10
const MIN_MS = 2

/**
 * Measures a link from the messages that cross it anyway: while a message is incomplete its sender has more to send, so
 * bytes per time of such a stretch is what the link carries. Costs no traffic.
 */
export class TransferMeter {
  readonly #clock: Clock
  readonly #onRate: (mbitPerSecond: number) => void
  #sinceMs: number | undefined
  #bytes = 0

  constructor(clock: Clock, onRate: (mbitPerSecond: number) => void) {
    this.#clock = clock
    this.#onRate = onRate
  }

  /** `more`: some message is incomplete after these bytes. */
  received(bytes: number, more: boolean): void {
    const nowMs = this.#clock.now()
    if (this.#sinceMs === undefined) {
      // The first slice only starts the watch: when it left is not known here.
      if (more) this.#sinceMs = nowMs
      return
    }
    this.#bytes += bytes
    if (more) return
    const tookMs = nowMs - this.#sinceMs
    if (this.#bytes >= MIN_BYTES && tookMs >= MIN_MS) this.#onRate((this.#bytes * 8) / (tookMs * 1000))
    this.#sinceMs = undefined
    this.#bytes = 0
  }
}
