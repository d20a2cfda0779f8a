import { type Backend, type Clock, type DeviceId, withDeadline } from '@roomful/core'
import { RuntimeError } from '../error.ts'
import { type RecoveryCandidate, type RecoverySnapshot, recoveryOrder } from '../plan/fallback.ts'
import type { InstalledPlan } from './installer.ts'

export interface RecoverySearchOptions {
  readonly clock: Clock
  readonly deadlineAtMs: number
  readonly snapshot: (excluded: ReadonlySet<DeviceId>, lost: ReadonlySet<Backend>) => RecoverySnapshot
  readonly prepare: (candidate: RecoveryCandidate, answered: AbortSignal) => Promise<InstalledPlan>
  readonly completionMs: (candidate: RecoveryCandidate) => number
}

/** One request's search for somebody who can complete it; each candidate is tried once. */
export class RecoverySearch {
  readonly #o: RecoverySearchOptions
  readonly #tried = new Set<string>()
  readonly #preparing = new Map<string, Promise<InstalledPlan | undefined>>()
  readonly #excluded = new Set<DeviceId>()
  readonly #lostBackends = new Set<Backend>()
  /** Most requests prepare nothing. */
  #answered: AbortController | undefined
  lastError: unknown

  constructor(options: RecoverySearchOptions) {
    this.#o = options
  }

  without(device: DeviceId): void {
    this.#excluded.add(device)
  }

  /** Of this device. */
  withoutBackend(backend: Backend): void {
    this.#lostBackends.add(backend)
  }

  /** The request has been answered: who is getting ready for it need not go on. */
  answered(): void {
    this.#answered?.abort()
  }

  /** How long the best candidate would take about, in milliseconds; 0 without one. */
  get completionMs(): number {
    const [best] = recoveryOrder(this.#o.snapshot(this.#excluded, this.#lostBackends))
    return best === undefined ? 0 : this.#o.completionMs(best)
  }

  /**
   * The completion that gets ready first; a candidate that takes long has the next one started beside it. Undefined when
   * nobody is left, or `over` says that the request has ended.
   */
  async next(over: () => boolean): Promise<InstalledPlan | undefined> {
    const { clock, deadlineAtMs, snapshot } = this.#o
    while (!over()) {
      const order = recoveryOrder(snapshot(this.#excluded, this.#lostBackends))
      const untried = order.filter((candidate) => !this.#tried.has(keyOf(candidate)))
      const [candidate] = untried
      if (candidate !== undefined) this.#prepare(candidate)
      if (this.#preparing.size === 0) return undefined
      const leftMs = Math.max(0, deadlineAtMs - clock.now())
      try {
        const ready = await withDeadline(Promise.race(this.#preparing.values()), {
          clock,
          timeoutMs: untried.length > 1 ? leftMs / 3 : leftMs,
          onTimeout: () => new RuntimeError('prepare-failed', 'nobody got ready in time'),
        })
        if (ready !== undefined) return ready
      } catch (error) {
        this.lastError = error
      }
    }
    return undefined
  }

  #prepare(candidate: RecoveryCandidate): void {
    const key = keyOf(candidate)
    this.#tried.add(key)
    this.#answered ??= new AbortController()
    const preparing = this.#o
      .prepare(candidate, this.#answered.signal)
      .catch((error: unknown) => {
        this.lastError = error
        return undefined
      })
      .finally(() => this.#preparing.delete(key))
    this.#preparing.set(key, preparing)
  }
}

const keyOf = ({ device, backend }: RecoveryCandidate) => `${device} ${backend}`
