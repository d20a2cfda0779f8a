/** Tokens at the start, and most. */
const MOST = 10
/** Tokens that an answer in time gives back. */
const GIVEN_BACK = 0.5

/**
 * How many late requests an initiator may have completed a second time. A late answer means a stuck device or a busy
 * room, and in a busy room a second completion only adds to what makes answers late. So there is one at a time, and each
 * costs a token of ten; answers in time give half a token back, and with five tokens or fewer none is started (as gRPC
 * throttles hedged calls, its proposal A6; the idea of bounding them is in Dean and Barroso, The Tail at Scale, 2013).
 * A request that has used up half of its time needs no tokens, only its turn: what holds it is stuck, whatever it is.
 */
export class SecondCompletions {
  #tokens = MOST
  #holder: object | undefined

  /** An answer came before it was late. */
  inTime(): void {
    this.#tokens = Math.min(MOST, this.#tokens + GIVEN_BACK)
  }

  /** Whether `request` may start one now; it then holds the turn until `release`. */
  take(request: object, urgent: boolean): boolean {
    if (this.#holder !== undefined && (this.#holder !== request || !urgent)) return false
    if (!urgent && this.#tokens <= MOST / 2) return false
    this.#tokens = Math.max(0, this.#tokens - 1)
    this.#holder = request
    return true
  }

  /** The request has ended. */
  release(request: object): void {
    if (this.#holder === request) this.#holder = undefined
  }
}
