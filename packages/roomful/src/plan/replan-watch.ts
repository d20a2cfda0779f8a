import type { Clock, Topology } from '@roomful/core'
import { DEFAULT_HYSTERESIS, initialReplanState, type ReplanReason, type ReplanState, replan } from '@roomful/planner'

/** Changes of the room within this time make one new plan. */
const SETTLE_MS = 150
/** Plans that nobody asked anything of are made at growing distances, up to 16 times the usual pause (48 s). */
const MAX_DOUBLINGS = 4

export interface ReplanWatchOptions {
  readonly clock: Clock
  /** The room as it is now. */
  readonly topology: () => Topology
  /** Whether a request or a stream is under way here. */
  readonly isAsking: () => boolean
  /** The room is worth another plan. */
  readonly onDue: () => void
}

/**
 * Decides when to plan anew: at once when a device has gone, within the pause (`Hysteresis.pauseMs`) when one has come or
 * somebody asks, and ever more seldom where links and speeds drift and nobody does. Each plan of a device that only lends, or
 * that nobody looks at, costs it the processor; a question finds the plan before it and has a new one made.
 */
export class ReplanWatch {
  readonly #o: ReplanWatchOptions
  #state: ReplanState = initialReplanState
  /** Plans made since somebody asked. */
  #unasked = 0
  #cancel: (() => void) | undefined
  #lookAtMs = 0
  #closed = false

  constructor(options: ReplanWatchOptions) {
    this.#o = options
  }

  /** Something in the room has changed. `force`: the current plan cannot go on. */
  changed(force = false): void {
    if (this.#closed) return
    if (force) this.#state = initialReplanState
    this.#lookAfter(SETTLE_MS)
  }

  /** Somebody asks: what has been put off is due. */
  asked(): void {
    if (this.#unasked === 0) return
    this.#unasked = 0
    this.changed()
  }

  /** A plan was made for the room as it was then. */
  planned(topology: Topology, atMs: number): void {
    this.#state = { planned: topology, plannedAtMs: atMs }
    this.#unasked++
  }

  /** The next look asks for a plan whatever has changed. */
  forget(): void {
    this.#state = initialReplanState
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  #look(): void {
    const { clock, topology, isAsking, onDue } = this.#o
    const { reason } = replan(this.#state, topology(), Number.POSITIVE_INFINITY)
    if (reason === undefined) return
    if (isAsking()) this.#unasked = 0
    const leftMs = this.#state.plannedAtMs + this.#pauseMs(reason) - clock.now()
    if (leftMs <= 0) onDue()
    else this.#lookAfter(Math.max(SETTLE_MS, leftMs))
  }

  #pauseMs(reason: ReplanReason): number {
    if (reason === 'first' || reason === 'leave') return 0
    const { pauseMs } = DEFAULT_HYSTERESIS
    return reason === 'join' ? pauseMs : pauseMs * 2 ** Math.min(Math.max(0, this.#unasked - 1), MAX_DOUBLINGS)
  }

  /** A look that is planned already stays where it is unless this one is sooner. */
  #lookAfter(ms: number): void {
    const { clock } = this.#o
    const atMs = clock.now() + ms
    if (this.#cancel !== undefined && this.#lookAtMs <= atMs) return
    this.#cancel?.()
    this.#lookAtMs = atMs
    this.#cancel = clock.after(ms, () => {
      this.#cancel = undefined
      if (!this.#closed) this.#look()
    })
  }
}
