import type { Clock, DeviceId } from '@roomful/core'
import type { Planning } from '../plan/planning.ts'
import { readOwnLearning } from './own-learning.ts'
import type { SettingsStore } from './settings.ts'

/** At most one transaction in this time, and none while nothing is learned: a weak phone has its requests to answer. */
const EVERY_MS = 30_000

export interface LearningKeeperOptions {
  readonly settings: SettingsStore
  readonly clock: Clock
  readonly planning: Pick<Planning, 'learned' | 'recall'>
  readonly self: DeviceId
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

  /** Tells the planning what earlier visits have learned, where that can be read. Never rejects. */
  async recall(): Promise<void> {
    const { settings, planning, self } = this.#o
    const learned = readOwnLearning((await settings.read()).learned)
    if (learned === undefined) return
    this.#kept = JSON.stringify(learned)
    // A planner that has failed is told of by whoever plans.
    await planning.recall(self, learned).catch(() => {})
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
    const { planning, self, settings } = this.#o
    const learned = await planning.learned(self)
    const text = JSON.stringify(learned)
    if (this.#closed || learned === undefined || text === this.#kept) return
    this.#kept = text
    await settings.write({ learned })
  }
}
