/** Messages that are further apart are no stream: what a lost one waits for would come too late. */
export const LONGEST_GAP_MS = 20
/** So many gaps make a stream. */
const KNOWN_GAPS = 3
/** The next message of a stream is awaited this much longer than the longest gap of late. */
const PATIENCE = 1.25
const FADING = 0.95

/**
 * When messages follow one another closely the next one does what a probe or a word of arrival would do: it tells of a gap before it
 * and brings acknowledgements. Sender and receiver of a stream see about the same gaps, and each waits for the next message as long.
 */
export class MessageStream {
  #lastMs = Number.NEGATIVE_INFINITY
  #gaps = 0
  #longestMs = 0

  /** How long after the newest message another is likely; 0 where there is no stream. */
  get nextWithinMs(): number {
    return this.#gaps < KNOWN_GAPS ? 0 : PATIENCE * this.#longestMs
  }

  add(nowMs: number): void {
    const gapMs = nowMs - this.#lastMs
    this.#lastMs = nowMs
    if (gapMs > LONGEST_GAP_MS) {
      this.#gaps = 0
      this.#longestMs = 0
      return
    }
    this.#gaps++
    this.#longestMs = Math.max(gapMs, this.#longestMs * FADING)
  }
}
