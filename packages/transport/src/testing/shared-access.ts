/**
 * One device's way into the network, shared by all its links, as a radio or a cable is: one message leaves at a time, in
 * the order in which links asked, and what arrives from several peers at once queues.
 */
export class SharedAccess {
  #holder: object | undefined
  readonly #waiting = new Map<object, () => void>()
  #downFreeMs = 0

  /** Whether `who` may send now; if not, `wake` is called once when its turn has come. */
  take(who: object, wake: () => void): boolean {
    if (this.#holder !== undefined && this.#holder !== who) {
      if (!this.#waiting.has(who)) this.#waiting.set(who, wake)
      return false
    }
    this.#holder = who
    this.#waiting.delete(who)
    return true
  }

  /** Nothing happens when another one holds it. */
  release(who: object): void {
    this.#waiting.delete(who)
    if (this.#holder !== who) return
    this.#holder = undefined
    for (const [next, wake] of [...this.#waiting]) {
      if (this.#holder !== undefined) return
      this.#waiting.delete(next)
      wake()
    }
  }

  /** Books the receiving side for a message that begins to be sent now; returns when all of it is in. */
  receive(nowMs: number, durationMs: number): number {
    this.#downFreeMs = Math.max(nowMs, this.#downFreeMs) + durationMs
    return this.#downFreeMs
  }
}
