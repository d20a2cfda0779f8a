import type { Clock } from '@roomful/core'

/**
 * Share of a device's time that requests of others take, over a sliding window. Work is counted when it ends, and at most
 * for the part that lies in the window.
 */
export class LoadMeter {
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #stretches: { startMs: number; endMs: number }[] = []

  constructor(clock: Clock, windowMs = 5_000) {
    this.#clock = clock
    this.#windowMs = windowMs
  }

  add(startMs: number, endMs: number): void {
    this.#stretches.push({ startMs, endMs })
    this.#forget()
  }

  /** 0..1 */
  get load(): number {
    this.#forget()
    const from = this.#clock.now() - this.#windowMs
    const busy = this.#stretches.reduce((sum, { startMs, endMs }) => sum + endMs - Math.max(startMs, from), 0)
    return Math.min(1, busy / this.#windowMs)
  }

  #forget(): void {
    const from = this.#clock.now() - this.#windowMs
    while (this.#stretches[0] !== undefined && this.#stretches[0].endMs <= from) this.#stretches.shift()
  }
}
