import type { Backend, Clock, DeviceId, Plan, PlanId } from '@roomful/core'
import { RuntimeError } from '../error.ts'
import type { ModelLibrary } from '../model/staged-model.ts'
import { layOut } from '../plan/layout.ts'
import { type PreparedPlan, preparePlan } from './prepared-plan.ts'
import type { SessionPool } from './session-pool.ts'
import type { WorkerLimits } from './worker-limits.ts'

interface Held {
  readonly initiator: DeviceId
  readonly building: AbortController
  readonly prepared: Promise<PreparedPlan>
  readonly buildMs: () => number
  ready: PreparedPlan | undefined
  active: number
  retired: boolean
}

export interface PrepareOrder {
  readonly planId: PlanId
  readonly plan: Plan
  readonly initiator: DeviceId
  readonly manifestUrl?: string
  /** Resolves when the next session may be built: for a plan that nobody waits for. */
  readonly pace?: (signal: AbortSignal) => Promise<void>
}

export interface PlanStoreOptions {
  readonly self: DeviceId
  readonly clock: Clock
  readonly library: ModelLibrary
  readonly pool: SessionPool
  readonly limits: WorkerLimits
  readonly predictMs: (macs: number, backend: Backend) => number | undefined
}

/** The plans that this device has a part in, for any initiator: built, counted, and given back when they are retired. */
export class PlanStore {
  readonly #o: PlanStoreOptions
  readonly #held = new Map<PlanId, Held>()

  constructor(options: PlanStoreOptions) {
    this.#o = options
  }

  get size(): number {
    return this.#held.size
  }

  /** Builds this device's stages of a plan. The same plan id again gives the same outcome. @throws RuntimeError, ... */
  async prepare(order: PrepareOrder, signal?: AbortSignal): Promise<{ buildMs: number; fetchedBytes: number }> {
    const known = this.#held.get(order.planId)
    if (known !== undefined && known.initiator !== order.initiator) {
      throw new RuntimeError('malformed', `plan ${order.planId} belongs to another device`)
    }
    const held = known ?? this.#build(order)
    const onAbort = () => this.retire(order.planId, order.initiator)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const { fetchedBytes } = await held.prepared
      signal?.throwIfAborted()
      return { buildMs: held.buildMs(), fetchedBytes }
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Counts a request in. Undefined when the plan is not held, not yet built or on its way out. */
  enter(planId: PlanId): PreparedPlan | undefined {
    const held = this.#held.get(planId)
    if (held?.ready === undefined) return undefined
    held.active++
    return held.ready
  }

  peek(planId: PlanId): PreparedPlan | undefined {
    return this.#held.get(planId)?.ready
  }

  active(planId: PlanId): number {
    return this.#held.get(planId)?.active ?? 0
  }

  /** Counts a request out that `enter` counted in; the last one of a retired plan frees its sessions. */
  leave(planId: PlanId): void {
    const held = this.#held.get(planId)
    if (held === undefined) return
    held.active--
    if (held.retired && held.active <= 0) this.#free(planId, held)
  }

  /** Requests under way finish first. Unknown plans and plans of others are left alone. */
  retire(planId: PlanId, initiator: DeviceId): void {
    const held = this.#held.get(planId)
    if (held === undefined || held.initiator !== initiator) return
    held.retired = true
    if (held.active <= 0) this.#free(planId, held)
  }

  retireAllOf(initiator: DeviceId): void {
    for (const [planId, held] of this.#held) if (held.initiator === initiator) this.retire(planId, initiator)
  }

  retireAll(): void {
    for (const [planId, held] of this.#held) this.#free(planId, held)
  }

  #build(order: PrepareOrder): Held {
    const { self, clock, library, pool, limits, predictMs } = this.#o
    const { planId, plan, initiator, manifestUrl, pace } = order
    let count = 0
    for (const other of this.#held.values()) if (other.initiator === initiator) count++
    if (count >= limits.plansPerInitiator) {
      throw new RuntimeError('overloaded', `${count} plans are held for this device already; retire some`)
    }
    const building = new AbortController()
    const startMs = clock.now()
    let endMs = startMs
    const prepared = (async () => {
      const hints = {
        ...(initiator === self ? {} : { askFrom: initiator }),
        ...(manifestUrl === undefined ? {} : { manifestUrl }),
      }
      const model = await library.open(plan.model, hints, building.signal)
      const layout = layOut(plan, model, initiator)
      const { segmentMs } = limits
      const built = await preparePlan({
        self,
        planId,
        layout,
        model,
        pool,
        segmentMs,
        predictMs,
        ...(pace === undefined ? {} : { pace }),
        signal: building.signal,
      })
      endMs = clock.now()
      return built
    })()
    const held: Held = {
      initiator,
      building,
      prepared,
      buildMs: () => endMs - startMs,
      ready: undefined,
      active: 0,
      retired: false,
    }
    this.#held.set(planId, held)
    prepared.then(
      (built) => {
        if (this.#held.get(planId) === held) held.ready = built
        else built.release()
      },
      () => {
        if (this.#held.get(planId) === held) this.#held.delete(planId)
      },
    )
    return held
  }

  #free(planId: PlanId, held: Held): void {
    this.#held.delete(planId)
    held.building.abort(new RuntimeError('unknown-plan', `plan ${planId} was retired`))
    held.ready?.release()
  }
}
