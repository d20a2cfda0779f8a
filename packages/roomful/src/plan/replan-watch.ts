import type { Clock, Topology } from '@roomful/core'
import { DEFAULT_HYSTERESIS, initialReplanState, type ReplanReason, type ReplanState, replan } from '@roomful/planner'

/** Changes of the room within this time make one new plan. */
const SETTLE_MS = 150
/** What drifts while nobody asks is planned for at growing distances, up to 16 times the usual pause (48 s). */
const MAX_DOUBLINGS = 4
/**
 * Of the time, planning for drifts and lessons takes this share at most: a device of a tenth of a core needs 200 ms and more for a plan, and has
 * that much less for the requests meanwhile (five plans within six seconds, and requests of 400 to 560 ms instead of 100).
 */
const PLANNING_SHARE = 0.05

export interface ReplanWatchOptions {
  readonly clock: Clock
  /** The room as it is now. */
  readonly topology: () => Topology
  /** Whether a request or a stream is under way here. */
  readonly isAsking: () => boolean
  /** The room is worth another plan: make one, and call `planned`. Never rejects. */
  readonly onDue: () => Promise<void>
}

/** Why a plan is made anew; `lesson`: measured times have moved predictions. */
type Reason = ReplanReason | 'lesson'
const DRIFTS: readonly Reason[] = ['load', 'speed', 'link', 'lesson']

/**
 * Decides when to plan anew: at once when a device has gone, within the pause (`Hysteresis.pauseMs`, or what keeps planning to its share of the time)
 * when one has come or somebody asks, and ever more seldom where links and speeds drift and nobody does. Each plan of a device that only lends, or
 * that nobody looks at, costs it the processor; a question finds the plan before it and has a new one made. What is measured of a
 * device that has just come is no drift: each coming and going begins anew with the usual pause. A plan that is being made is not
 * given up for another one: where planning takes longer than the room stays the same, none would ever be finished.
 */
export class ReplanWatch {
  readonly #o: ReplanWatchOptions
  #state: ReplanState = initialReplanState
  #forcedAtMs = Number.NEGATIVE_INFINITY
  /** How often it was planned for a drift since somebody asked and since anybody came or went. */
  #drifts = 0
  /** A plan was asked for and is not there yet. */
  #isPlanning = false
  #runs = 0
  /** When the newest lesson came that no plan knows yet. */
  #learnedAtMs = Number.NEGATIVE_INFINITY
  /** What the last plan for a drift took; 0 after one for another reason, so that what follows it is planned for soon. */
  #tookMs = 0
  /** What the plan that is being made is for; undefined for one that nobody here asked for. */
  #planFor: Reason | undefined
  #cancel: (() => void) | undefined
  #lookAtMs = 0
  #closed = false

  constructor(options: ReplanWatchOptions) {
    this.#o = options
  }

  /** Something in the room has changed. `force`: the current plan cannot go on. */
  changed(force = false): void {
    if (this.#closed) return
    if (force) {
      this.#state = initialReplanState
      this.#forcedAtMs = this.#o.clock.now()
    }
    this.#lookAfter(SETTLE_MS)
  }

  /** Measured times have moved predictions so far that another plan may be better. */
  learned(): void {
    this.#learnedAtMs = this.#o.clock.now()
    this.changed()
  }

  /** Somebody asks: what has been put off is due. */
  asked(): void {
    if (this.#drifts === 0) return
    this.#drifts = 0
    this.changed()
  }

  /** A plan was made for the room as it was then. */
  planned(topology: Topology, atMs: number): void {
    this.#isPlanning = false
    if (this.#planFor !== undefined) this.#tookMs = DRIFTS.includes(this.#planFor) ? this.#o.clock.now() - atMs : 0
    this.#planFor = undefined
    if (this.#learnedAtMs <= atMs) this.#learnedAtMs = Number.NEGATIVE_INFINITY
    // What has made a plan necessary meanwhile has not been seen by this one.
    if (this.#forcedAtMs <= atMs) this.#state = { planned: topology, plannedAtMs: atMs }
  }

  /** The next look asks for a plan whatever has changed. */
  forget(): void {
    this.#state = initialReplanState
    this.#drifts = 0
    this.#learnedAtMs = Number.NEGATIVE_INFINITY
    this.#tookMs = 0
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  #look(): void {
    if (this.#isPlanning) {
      this.#lookAfter(SETTLE_MS)
      return
    }
    const { clock, topology, isAsking } = this.#o
    const lesson = this.#learnedAtMs > Number.NEGATIVE_INFINITY ? 'lesson' : undefined
    const { reason = lesson } = replan(this.#state, topology(), Number.POSITIVE_INFINITY)
    if (reason === undefined) return
    const counts = DRIFTS.includes(reason) && !isAsking()
    if (!counts) this.#drifts = 0
    const leftMs = this.#state.plannedAtMs + this.#pauseMs(reason) - clock.now()
    if (leftMs > 0) {
      this.#lookAfter(Math.max(SETTLE_MS, leftMs))
      return
    }
    if (counts) this.#drifts++
    this.#plan(reason)
  }

  #plan(reason: Reason): void {
    const run = ++this.#runs
    this.#isPlanning = true
    this.#planFor = reason
    void this.#o.onDue().finally(() => {
      if (run !== this.#runs) return
      this.#isPlanning = false
      this.#planFor = undefined
    })
  }

  #pauseMs(reason: Reason): number {
    if (reason === 'first' || reason === 'leave') return 0
    const { pauseMs } = DEFAULT_HYSTERESIS
    const seldomMs = pauseMs * 2 ** Math.min(this.#drifts, MAX_DOUBLINGS)
    if (!DRIFTS.includes(reason)) return seldomMs
    return Math.max(seldomMs, Math.min(this.#tookMs / PLANNING_SHARE, pauseMs * 2 ** MAX_DOUBLINGS))
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
