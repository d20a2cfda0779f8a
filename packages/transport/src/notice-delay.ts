/** Later than this a probe would hardly be sooner than the browser's own timer (220 ms and more, and a message takes its time there and back). */
export const LONGEST_NOTICE_MS = 100
/** Weights of the newest delay in the running mean and deviation, and how many deviations above the mean are usual (RFC 6298 has 1/8, 1/4 and 4). */
const WEIGHT = { mean: 1 / 8, deviation: 1 / 4 }
const DEVIATIONS = 2

/**
 * How long after a message its sender usually learns that it has arrived, by word, by an answer, or by what else the peer sends: that takes the
 * threads of both ends as well as the way, 50 ms and more where one has a tenth of a core, while nothing is lost. Delays after losses count like
 * any other, so that they make it longer for a while. Of a receiver: how long after a message it usually sends something itself.
 */
export class NoticeDelay {
  #meanMs: number | undefined
  #deviationMs = 0

  /** 0 before the first one. */
  get usualMs(): number {
    return Math.min(LONGEST_NOTICE_MS, (this.#meanMs ?? 0) + DEVIATIONS * this.#deviationMs)
  }

  add(delayMs: number): void {
    const ms = Math.min(LONGEST_NOTICE_MS, delayMs)
    if (this.#meanMs === undefined) {
      this.#meanMs = ms
      this.#deviationMs = ms / 2
      return
    }
    this.#deviationMs += WEIGHT.deviation * (Math.abs(ms - this.#meanMs) - this.#deviationMs)
    this.#meanMs += WEIGHT.mean * (ms - this.#meanMs)
  }
}
