import type { Clock } from '@roomful/core'
import type { RateSample } from './transfer-meter.ts'

/** After this many slower transfers less one, a faster past is forgotten. */
const KEPT = 5
/** With fewer, one lucky measurement is better than none. */
const TRUSTED = 3
/** Older samples go as soon as newer ones can stand for them. */
const OLD_MS = 20_000
/** Above 100 Gbit/s a clock was too coarse. */
const MAX_MBIT = 1e5

/**
 * What one direction of a link carries, from measurements most of which are too low: a thread was busy, an application
 * paused, others shared the way. So the best counts, or rather the second best of the newest five, which a single
 * measurement that is too high cannot lift. A real drop is followed after four transfers.
 */
export class RateEstimate {
  readonly #clock: Clock
  readonly #samples: { readonly mbitPerSecond: number; readonly atMs: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** 10^6 bits per second; undefined before the first sample. */
  get mbitPerSecond(): number | undefined {
    const sorted = this.#samples.map((sample) => sample.mbitPerSecond).sort((a, b) => b - a)
    return sorted.length >= TRUSTED ? sorted[1] : sorted[0]
  }

  /** Samples of the last `withinMs`. */
  fresh(withinMs: number): number {
    const sinceMs = this.#clock.now() - withinMs
    return this.#samples.filter(({ atMs }) => atMs >= sinceMs).length
  }

  add({ mbitPerSecond, conclusive }: RateSample): void {
    if (!(mbitPerSecond > 0) || mbitPerSecond > MAX_MBIT) return
    const known = this.mbitPerSecond
    if (!conclusive && known !== undefined && mbitPerSecond <= known) return
    const nowMs = this.#clock.now()
    this.#samples.push({ mbitPerSecond, atMs: nowMs })
    const isOld = () => (this.#samples[0]?.atMs ?? nowMs) < nowMs - OLD_MS && this.#samples.length > TRUSTED
    while (this.#samples.length > KEPT || isOld()) this.#samples.shift()
  }
}
