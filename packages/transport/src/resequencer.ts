import { TransportError } from './room.ts'

/** Frames that may wait for an earlier one: more than the sender may have unacknowledged breaks the rules. */
export const WINDOW_BYTES = 4 << 20

/** Brings frames that came over several ways back into the order of their numbers; each is handed on once. */
export class Resequencer {
  readonly #hand: (payload: Uint8Array<ArrayBuffer>) => void
  readonly #waiting = new Map<number, Uint8Array<ArrayBuffer>>()
  #next = 0
  #waitingBytes = 0

  constructor(hand: (payload: Uint8Array<ArrayBuffer>) => void) {
    this.#hand = hand
  }

  /** All frames with lower numbers have been handed on. */
  get next(): number {
    return this.#next
  }

  /** @throws TransportError `too-large` when more waits than an honest sender has under way */
  push(number: number, payload: Uint8Array<ArrayBuffer>): void {
    if (number < this.#next || this.#waiting.has(number)) return
    this.#waiting.set(number, payload)
    this.#waitingBytes += payload.byteLength
    if (this.#waitingBytes > 2 * WINDOW_BYTES || this.#waiting.size > WINDOW_BYTES / 64) {
      throw new TransportError('too-large', `${this.#waiting.size} frames wait for one that does not come`)
    }
    for (;;) {
      const found = this.#waiting.get(this.#next)
      if (found === undefined) return
      this.#waiting.delete(this.#next)
      this.#waitingBytes -= found.byteLength
      this.#next++
      this.#hand(found)
    }
  }
}
