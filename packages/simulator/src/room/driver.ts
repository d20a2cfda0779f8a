import type { VirtualClock } from '@roomful/core'
import { SimulatorError } from '../error.ts'

/** Simulated time after which a scenario counts as stuck: a day. */
const LIMIT_MS = 86_400_000

/**
 * Moves the clock. Work that happens outside simulated time (planning) is handed to `aside`: until it has ended, the clock
 * stands still, so that results do not depend on how fast this machine is.
 */
export class Driver {
  readonly #clock: VirtualClock
  readonly #signal: AbortSignal | undefined
  #aside: Promise<unknown> | undefined
  #wake: () => void = () => {}

  constructor(clock: VirtualClock, signal?: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
  }

  readonly aside = <T>(work: Promise<T>): Promise<T> => {
    const settled = work.then(
      () => {},
      () => {},
    )
    this.#aside = this.#aside === undefined ? settled : Promise.all([this.#aside, settled])
    this.#wake()
    return work
  }

  /** Advances until `done` settles. @throws `signal.reason`; SimulatorError `stuck` */
  async until<T>(done: Promise<T>): Promise<T> {
    let over = false
    const end = done.then(
      () => {
        over = true
      },
      () => {
        over = true
      },
    )
    const signal = this.#signal
    let onAbort = () => {}
    const aborted = new Promise<void>((resolve) => {
      onAbort = resolve
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      while (!over) {
        signal?.throwIfAborted()
        await this.#aside
        this.#aside = undefined
        const asked = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        await this.#clock.runUntil(Promise.race([end, asked, aborted]), LIMIT_MS).catch((cause: unknown) => {
          throw new SimulatorError('stuck', 'the scenario does not come to an end', { cause })
        })
      }
      return await done
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }
}
