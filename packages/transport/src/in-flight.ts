/** Every way that carries more than words carries this many bytes in a millisecond. */
const DRAINED_PER_MS = 1000

/** Most bytes of one direction that may still be on their way: what came or left without an answer, less what time has carried. */
export class InFlight {
  #bytes = 0
  #atMs = Number.NEGATIVE_INFINITY

  get bytes(): number {
    return this.#bytes
  }

  add(nowMs: number, bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes - (nowMs - this.#atMs) * DRAINED_PER_MS) + bytes
    this.#atMs = nowMs
  }

  /** The other end has said something since. */
  answered(): void {
    this.#bytes = 0
  }
}
