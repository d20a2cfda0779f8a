import type { Clock } from '@roomful/core'

/** Shorter transfers say more about the round trip than about the link. */
const MIN_BYTES = 64 << 10
const MIN_MS = 5
/** Slices closer together than this came in one go: they may have waited for this thread, so they count as one arrival. */
const BATCH_GAP_MS = 0.3
const BATCH_MS = 5
/** A longer stretch is judged in parts, so that a falling rate is seen while a large message is under way. */
const MAX_STRETCH_MS = 1000
const MAX_POINTS = 1024
/**
 * A message that takes fewer round trips than this may have been held up by the sender's congestion window, which doubles
 * every round trip from about 4.8 KB: 1 MB takes eight.
 */
const WINDOW_ROUND_TRIPS = 8

/** What one stretch of a transfer showed. */
export interface RateSample {
  /** 10^6 bits per second. */
  readonly mbitPerSecond: number
  /** False: the link carries at least this; the sender's congestion window may have been what held it back. */
  readonly conclusive: boolean
}

/**
 * Measures a link from the messages that cross it anyway: while a message is incomplete its sender has more to send, so
 * bytes per time of such a stretch is what the link carries. The figure is that of the best half of the stretch: the
 * window's growth in its beginning, or one pause of either side's thread, do not count. Costs no traffic.
 */
export class TransferMeter {
  readonly #clock: Clock
  readonly #onSample: (sample: RateSample) => void
  readonly #rttMs: () => number | undefined
  /** Arrivals of the present stretch: when, and the bytes since its first slice. Empty: no stretch. */
  readonly #times: number[] = []
  readonly #totals: number[] = []
  #batchSinceMs = 0

  /** `rttMs`: round trip of the idle link, where known. */
  constructor(clock: Clock, onSample: (sample: RateSample) => void, rttMs: () => number | undefined = () => undefined) {
    this.#clock = clock
    this.#onSample = onSample
    this.#rttMs = rttMs
  }

  /** `more`: some message is incomplete after these bytes. Returns the time: reading a clock costs several us in browsers. */
  received(bytes: number, more: boolean): number {
    const nowMs = this.#clock.now()
    this.#received(nowMs, bytes, more)
    return nowMs
  }

  #received(nowMs: number, bytes: number, more: boolean): void {
    const last = this.#times.length - 1
    if (last < 0) {
      // The first slice only starts the watch: when it left is not known here.
      if (more) this.#begin(nowMs)
      return
    }
    const total = (this.#totals[last] ?? 0) + bytes
    const joins = nowMs - (this.#times[last] ?? 0) < BATCH_GAP_MS && nowMs - this.#batchSinceMs < BATCH_MS
    if (joins) {
      this.#times[last] = nowMs
      this.#totals[last] = total
    } else {
      this.#times.push(nowMs)
      this.#totals.push(total)
      this.#batchSinceMs = nowMs
    }
    const tookMs = nowMs - (this.#times[0] ?? nowMs)
    if (more && tookMs < MAX_STRETCH_MS && this.#times.length < MAX_POINTS) return
    this.#judge(tookMs)
    this.#times.length = 0
    this.#totals.length = 0
    if (more) this.#begin(nowMs)
  }

  #begin(nowMs: number): void {
    this.#times.push(nowMs)
    this.#totals.push(0)
    this.#batchSinceMs = nowMs
  }

  #judge(tookMs: number): void {
    const bytes = (this.#totals.at(-1) ?? 0) - (this.#totals[0] ?? 0)
    if (bytes < MIN_BYTES || tookMs < MIN_MS) return
    const mbitPerSecond = bestRate(this.#times, this.#totals, tookMs / 2) * 0.008
    const rttMs = this.#rttMs()
    const conclusive = rttMs === undefined || tookMs >= WINDOW_ROUND_TRIPS * rttMs
    this.#onSample({ mbitPerSecond, conclusive })
  }
}

/** Most bytes per millisecond over any part, from one arrival to another, that lasts `spanMs` or longer. */
function bestRate(times: readonly number[], totals: readonly number[], spanMs: number): number {
  let best = 0
  let from = 0
  for (let to = 1; to < times.length; to++) {
    const endMs = times[to] ?? 0
    while (from + 1 < to && endMs - (times[from + 1] ?? 0) >= spanMs) from++
    const partMs = endMs - (times[from] ?? 0)
    if (partMs >= spanMs) best = Math.max(best, ((totals[to] ?? 0) - (totals[from] ?? 0)) / partMs)
  }
  return best
}
