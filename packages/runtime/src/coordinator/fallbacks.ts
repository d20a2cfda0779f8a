import type { DeviceId, Plan } from '@roomful/core'
import { fallbackPlan, type RecoveryCandidate } from '../plan/fallback.ts'
import type { InstalledPlan } from './installer.ts'
import type { QuietBuild } from './quiet-build.ts'

interface Fallback {
  readonly ready: Promise<InstalledPlan>
  readonly building: AbortController
  /** While nobody waits for it. */
  readonly quiet: QuietBuild | undefined
  /** Requests that wait for it, or have not been answered. */
  waiting: number
  built: boolean
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

  /** How long it is about until the candidate can begin, in milliseconds: what building took where the plan's parts are. */
  readyInMs(installed: InstalledPlan, candidate: RecoveryCandidate): number {
    if (this.#known.get(installed)?.get(keyOf(candidate))?.built) return 0
    return Math.max(0, ...installed.prepared.map(({ buildMs }) => buildMs))
  }

  /**
   * One preparation per plan and candidate; a failed one may be tried again by another request. `answered` aborts when the
   * request has been answered by others: when all that waited have been, it is built in quiet moments again, or no more.
   */
  get(installed: InstalledPlan, candidate: RecoveryCandidate, answered: AbortSignal): Promise<InstalledPlan> {
    const known = this.#known.get(installed)?.get(keyOf(candidate))
    const fallback = known ?? this.#build(installed, candidate, undefined)
    if (fallback.built) return fallback.ready
    fallback.quiet?.hurry()
    fallback.waiting++
    const onAnswered = () => {
      fallback.waiting--
      if (!fallback.built && fallback.waiting === 0) this.#waitedForNoMore(installed, candidate, fallback)
    }
    answered.addEventListener('abort', onAnswered, { once: true })
    return fallback.ready
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

  #waitedForNoMore(installed: InstalledPlan, candidate: RecoveryCandidate, { quiet, building }: Fallback): void {
    if (quiet !== undefined) {
      quiet.calm()
      return
    }
    this.#known.get(installed)?.delete(keyOf(candidate))
    building.abort(new DOMException('nobody waits for it', 'AbortError'))
  }

  #build(installed: InstalledPlan, candidate: RecoveryCandidate, quiet: QuietBuild | undefined): Fallback {
    const key = keyOf(candidate)
    const building = new AbortController()
    const ready = this.#prepare(fallbackPlan(installed.plan, candidate, this.#self), building.signal, quiet)
    const fallback: Fallback = { ready, building, quiet, waiting: 0, built: false }
    const siblings = this.#known.get(installed) ?? new Map<string, Fallback>()
    siblings.set(key, fallback)
    this.#known.set(installed, siblings)
    ready.then(
      () => {
        fallback.built = true
        if (candidate.device === this.#self) this.#selfReady.add(installed)
      },
      () => {
        if (siblings.get(key) === fallback) siblings.delete(key)
      },
    )
    return fallback
  }
}

const keyOf = ({ device, backend }: RecoveryCandidate) => `${device} ${backend}`
