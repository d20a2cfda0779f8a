import { type Clock, type DeviceProfile, errorText, linkBetween, type Plan, type Topology } from '@roomful/core'
import {
  DEFAULT_HYSTERESIS,
  initialReplanState,
  type LatencyPredictor,
  type PlannableModel,
  type PlanningLimits,
  planCost,
  planWith,
  preparationOf,
  type ReplanReason,
  replan,
  worthSwitching,
} from '@roomful/planner'
import type { Runtime } from '@roomful/runtime'
import type { Room } from '@roomful/transport'

/** Changes within this time make one new plan, as in the browsers. */
const SETTLE_MS = 150

/** A plan that was made because the room had changed. */
export interface Replan {
  readonly atMs: number
  readonly reason: ReplanReason
  /** `kept`: the plan in use is still as good; `failed`: there was no plan, or it could not be prepared. */
  readonly outcome: 'switched' | 'kept' | 'failed'
  readonly detail?: string
}

export interface ReplannerOptions {
  readonly clock: Clock
  readonly room: Room
  readonly runtime: Runtime
  readonly self: () => DeviceProfile
  readonly predictor: (topology: Topology) => LatencyPredictor
  readonly model: PlannableModel
  readonly method: string
  readonly limits: PlanningLimits
  /** Runs work that takes no simulated time: the clock stands still meanwhile. */
  readonly aside: <T>(work: Promise<T>) => Promise<T>
}

/** The initiator's planning: looks at what its room reports, plans anew beyond the hysteresis, and installs. */
export class Replanner {
  readonly log: Replan[] = []
  readonly #o: ReplannerOptions
  #state = initialReplanState
  #cancel: (() => void) | undefined
  #busy = false
  #again = false
  #closed = false

  constructor(options: ReplannerOptions) {
    this.#o = options
  }

  /** The first plan. @returns why there is none, or undefined */
  async start(): Promise<string | undefined> {
    await this.#look()
    return this.log.findLast(({ outcome }) => outcome === 'failed')?.detail
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#closed) return
    this.#cancel ??= this.#o.clock.after(SETTLE_MS, () => {
      this.#cancel = undefined
      void this.#look()
    })
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  async #look(): Promise<void> {
    if (this.#busy) {
      this.#again = true
      return
    }
    this.#busy = true
    try {
      await this.#consider()
    } finally {
      this.#busy = false
    }
    if (!this.#again) return
    this.#again = false
    this.changed()
  }

  async #consider(): Promise<void> {
    const { clock } = this.#o
    const nowMs = clock.now()
    const topology = topologyOf(this.#o.room, this.#o.self())
    const { state, reason } = replan(this.#state, topology, nowMs)
    if (reason === undefined) {
      // Within the pause a change is not taken up: look again when it is over.
      const waitMs = this.#state.plannedAtMs + DEFAULT_HYSTERESIS.pauseMs - nowMs
      const waits = replan(this.#state, topology, Number.POSITIVE_INFINITY).reason !== undefined
      if (waits && !this.#closed) this.#cancel ??= clock.after(waitMs, () => this.#wake())
      return
    }
    this.#state = state
    const entry = { atMs: nowMs, reason }
    try {
      this.log.push({ ...entry, ...(await this.#plan(topology)) })
    } catch (error) {
      if (this.#closed) return
      this.log.push({ ...entry, outcome: 'failed', detail: errorText(error) })
    }
  }

  #wake(): void {
    this.#cancel = undefined
    void this.#look()
  }

  async #plan(topology: Topology): Promise<Pick<Replan, 'outcome' | 'detail'>> {
    const { aside, model, method, limits, runtime } = this.#o
    const predictor = this.#o.predictor(topology)
    const { dwellMs = DEFAULT_HYSTERESIS.dwellMs } = this.#state
    const result = await aside(planWith(method, model, topology, predictor, { ...limits, dwellMs }))
    if (!result.ok) return { outcome: 'failed', detail: result.message }
    const [current] = runtime.current
    if (current !== undefined && runtime.usable(current)) {
      const now = this.#objective(current.plan, topology, predictor)
      const better = this.#objective(result.plan, topology, predictor)
      const cost = preparationOf(result.plan, current.plan, model, topology, predictor, { weightsHeld: true })
      const switching = cost && { ...cost, dwellMs }
      if (!worthSwitching(now, better, DEFAULT_HYSTERESIS, switching)) return { outcome: 'kept' }
    }
    await runtime.install(result.plan)
    return { outcome: 'switched' }
  }

  /** What a plan costs now, in ms, by the rule with which methods choose; Infinity where it cannot run any more. */
  #objective(plan: Plan, topology: Topology, predictor: LatencyPredictor): number {
    const { model, limits } = this.#o
    const linked = plan.volumes.every(({ shards }) =>
      shards.every(
        ({ device }) =>
          device === topology.initiator || linkBetween(topology, topology.initiator, device) !== undefined,
      ),
    )
    if (!linked) return Number.POSITIVE_INFINITY
    return planCost(plan, model, topology, predictor, limits)?.ms ?? Number.POSITIVE_INFINITY
  }
}

/** The room as its initiator sees it: itself and every peer whose link is up. */
function topologyOf(room: Room, self: DeviceProfile): Topology {
  const peers = [...room.peers.values()].filter(({ link }) => link === 'connected').map(({ profile }) => profile)
  const here = new Set([self.id, ...peers.map((peer) => peer.id)])
  return {
    initiator: self.id,
    devices: [self, ...peers],
    links: room.links.filter(({ a, b }) => here.has(a) && here.has(b)),
  }
}
