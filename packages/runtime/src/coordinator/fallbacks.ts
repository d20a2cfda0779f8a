import type { DeviceId, Plan } from '@roomful/core'
import { fallbackPlan, type RecoveryCandidate } from '../plan/fallback.ts'
import type { InstalledPlan } from './installer.ts'

/**
 * The plans by which one device completes the requests of an installed plan alone. They live as long as that plan's
 * requests do: one of those may be about to use them.
 */
export class Fallbacks {
  readonly #self: DeviceId
  readonly #prepare: (plan: Plan) => Promise<InstalledPlan>
  readonly #retire: (installed: InstalledPlan) => void
  readonly #ready = new Map<InstalledPlan, Map<string, Promise<InstalledPlan>>>()
  /** Plans whose requests this device can complete: it has built all of them. */
  readonly #selfReady = new WeakSet<InstalledPlan>()

  constructor(options: {
    self: DeviceId
    prepare: (plan: Plan) => Promise<InstalledPlan>
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
    const { device, backend } = candidate
    const key = `${device} ${backend}`
    const ready = this.#ready.get(installed) ?? new Map<string, Promise<InstalledPlan>>()
    const known = ready.get(key)
    if (known !== undefined) return known
    const preparing = this.#prepare(fallbackPlan(installed.plan, candidate, this.#self))
    ready.set(key, preparing)
    this.#ready.set(installed, ready)
    preparing.then(
      () => {
        if (device === this.#self) this.#selfReady.add(installed)
      },
      () => ready.delete(key),
    )
    return preparing
  }

  /** The last request of a retired plan has ended. */
  retireOf(installed: InstalledPlan): void {
    const ready = this.#ready.get(installed)
    this.#ready.delete(installed)
    for (const fallback of ready?.values() ?? []) fallback.then((plan) => this.#retire(plan)).catch(() => {})
  }

  clear(): void {
    this.#ready.clear()
  }
}
