import type { DeviceId, Plan } from '@roomful/core'
import { fallbackPlan, type RecoveryCandidate } from '../plan/fallback.ts'
import type { InstalledPlan } from './installer.ts'
import type { QuietBuild } from './quiet-build.ts'

interface Fallback {
  readonly ready: Promise<InstalledPlan>
  readonly building: AbortController
  /** While nobody waits for it. */
  readonly quiet: QuietBuild | undefined
}

/**
 * The plans by which one device completes the requests of an installed plan alone. They live as long as that plan's
 * requests do: one of those may be about to use them.
 */
export class Fallbacks {
  readonly #self: DeviceId
  readonly #prepare: (plan: Plan, signal: AbortSignal, quiet: QuietBuild | undefined) => Promise<InstalledPlan>
  readonly #retire: (installed: InstalledPlan) => void
  readonly #known = new Map<InstalledPlan, Map<string, Fallback>>()
  /** Plans whose requests this device can complete: it has built all of them. */
  readonly #selfReady = new WeakSet<InstalledPlan>()

  constructor(options: {
    self: DeviceId
    prepare: (plan: Plan, signal: AbortSignal, quiet: QuietBuild | undefined) => Promise<InstalledPlan>
    retire: (installed: InstalledPlan) => void
  }) {
    this.#self = options.self
    this.#prepare = options.prepare
    this.#retire = options.retire
  }

  selfReady(installed: InstalledPlan): boolean {
    return this.#selfReady.has(installed)
  }

  /** One preparation per plan and candidate; a failed one may be tried again by another request. */
  get(installed: InstalledPlan, candidate: RecoveryCandidate): Promise<InstalledPlan> {
    const known = this.#known.get(installed)?.get(keyOf(candidate))
    known?.quiet?.hurry()
    return (known ?? this.#build(installed, candidate, undefined)).ready
  }

  /** Builds it in quiet moments, unless it is built or being built already. */
  async foresee(installed: InstalledPlan, candidate: RecoveryCandidate, quiet: () => QuietBuild): Promise<void> {
    if (this.#known.get(installed)?.has(keyOf(candidate))) return
    const fallback = this.#build(installed, candidate, quiet())
    try {
      await fallback.ready
    } catch (error) {
      if (!fallback.building.signal.aborted) throw error
    }
  }

  /** The last request of a retired plan has ended. */
  retireOf(installed: InstalledPlan): void {
    const fallbacks = this.#known.get(installed)
    this.#known.delete(installed)
    for (const { ready, building } of fallbacks?.values() ?? []) {
      building.abort(new DOMException('its plan is no longer used', 'AbortError'))
      ready.then((plan) => this.#retire(plan)).catch(() => {})
    }
  }

  clear(): void {
    for (const fallbacks of this.#known.values()) for (const { building } of fallbacks.values()) building.abort()
    this.#known.clear()
  }

  #build(installed: InstalledPlan, candidate: RecoveryCandidate, quiet: QuietBuild | undefined): Fallback {
    const key = keyOf(candidate)
    const building = new AbortController()
    const ready = this.#prepare(fallbackPlan(installed.plan, candidate, this.#self), building.signal, quiet)
    const fallback = { ready, building, quiet }
    const siblings = this.#known.get(installed) ?? new Map<string, Fallback>()
    siblings.set(key, fallback)
    this.#known.set(installed, siblings)
    ready.then(
      () => {
        if (candidate.device === this.#self) this.#selfReady.add(installed)
      },
      () => siblings.delete(key),
    )
    return fallback
  }
}

const keyOf = ({ device, backend }: RecoveryCandidate) => `${device} ${backend}`
