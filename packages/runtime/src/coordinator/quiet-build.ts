import { type Clock, sleep } from '@roomful/core'

/** Shortest and longest quiet that is waited for, in milliseconds. */
const MIN_QUIET_MS = 200
const MAX_QUIET_MS = 2_000
/** Without quiet, a step is taken after this, or after so many times the last step's time: at most a twentieth of the time. */
const PATIENCE_MS = 10_000
const PATIENCE_STEPS = 20

export interface QuietBuildOptions {
  readonly clock: Clock
  /** How long nothing has been asked of this device, by itself or by others; 0 while something is. */
  readonly idleMs: () => number
  /** How long a step is expected to take before one has been timed. */
  readonly stepMs: number
}

/**
 * Spreads a preparation that nobody waits for yet over the device's quiet moments: before each step it waits until nothing
 * has been asked for twice the time that a step takes, so that a request rarely meets one. Under steady load it takes a
 * step now and then all the same: who is never ready cannot help when the moment comes.
 */
export class QuietBuild {
  readonly #o: QuietBuildOptions
  #hurried = new AbortController()
  #stepMs: number
  #stepStartMs: number | undefined

  constructor(options: QuietBuildOptions) {
    this.#o = options
    this.#stepMs = options.stepMs
  }

  /** Somebody waits for it now: no more pauses. */
  hurry(): void {
    this.#hurried.abort()
  }

  /** Nobody does any more. */
  calm(): void {
    this.#hurried = new AbortController()
  }

  /** Resolves when the next step may be taken. @throws `signal.reason` */
  async next(signal: AbortSignal): Promise<void> {
    const { clock, idleMs } = this.#o
    if (this.#stepStartMs !== undefined) this.#stepMs = clock.now() - this.#stepStartMs
    const quietMs = Math.min(MAX_QUIET_MS, Math.max(MIN_QUIET_MS, 2 * this.#stepMs))
    const patientUntilMs = clock.now() + Math.max(PATIENCE_MS, PATIENCE_STEPS * this.#stepMs)
    const woken = AbortSignal.any([signal, this.#hurried.signal])
    while (!woken.aborted) {
      const leftMs = Math.min(quietMs - idleMs(), patientUntilMs - clock.now())
      if (leftMs <= 0) break
      // Woken early it looks again, and finds why. What is left may be too short for the clock to move.
      await sleep(clock, Math.max(1, leftMs), woken).catch(() => {})
    }
    signal.throwIfAborted()
    this.#stepStartMs = clock.now()
  }
}
