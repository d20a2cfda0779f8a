import type { Clock } from '@roomful/core'
import { type OwnLearning, readOwnLearning } from './own-learning.ts'
import type { SettingsStore } from './settings.ts'

/** At most one transaction in this time, and none while nothing is learned: a weak phone has its requests to answer. */
const EVERY_MS = 30_000

export interface LearningKeeperOptions {
  readonly settings: SettingsStore
  readonly clock: Clock
  /** What this device has learned of itself by now; undefined while that is nothing. */
  readonly learned: () => Promise<OwnLearning | undefined>
}

/**
 * Keeps what this device learns of itself for its next visit, in IndexedDB with its other settings. Storage that refuses
 * loses what was learned, and nothing else.
 */
export class LearningKeeper {
  readonly #o: LearningKeeperOptions
  #cancel: (() => void) | undefined
  #kept = ''
  #closed = false

  constructor(options: LearningKeeperOptions) {
    this.#o = options
  }

  /** What earlier visits have learned; undefined where there is nothing, or nothing that can be read. */
  async earlier(): Promise<OwnLearning | undefined> {
    const { learned } = await this.#o.settings.read()
    const read = readOwnLearning(learned)
    this.#kept = JSON.stringify(read)
    return read
  }

  /** Something was learned: it is kept within half a minute. */
  changed(): void {
    if (this.#closed) return
    this.#cancel ??= this.#o.clock.after(EVERY_MS, () => {
      this.#cancel = undefined
      // A planner that has failed is told of by whoever plans; the next lesson tries again.
      this.#keep().catch(() => {})
    })
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  async #keep(): Promise<void> {
    const learned = await this.#o.learned()
    const text = JSON.stringify(learned)
    if (this.#closed || learned === undefined || text === this.#kept) return
    this.#kept = text
    await this.#o.settings.write({ learned })
  }
}
