import type { Clock } from '@roomful/core'

/** Whether something is asked at this moment, and since when nothing was. */
export class Activity {
  readonly #clock: Clock
  #open = 0
  #endedMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(): void {
    this.#open++
  }

  end(): void {
    this.#open--
    this.#endedMs = this.#clock.now()
  }

  /** Things that go on now. */
  get open(): number {
    return this.#open
  }

  /** 0 while something goes on; infinite before anything has. */
  get idleMs(): number {
    return this.#open > 0 ? 0 : this.#clock.now() - this.#endedMs
  }
}
