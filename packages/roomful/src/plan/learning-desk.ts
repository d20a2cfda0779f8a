import type { Clock, ModelDigest, Topology } from '@roomful/core'
import type { Measurement } from '@roomful/runtime'
import type { Observed, Planning } from './planning.ts'
import { RequestMeans } from './request-means.ts'

export interface LearningDeskOptions {
  readonly planning: Planning
  readonly clock: Clock
  /** The room as it is now. */
  readonly topology: () => Topology
  /** The devices have turned out so much faster or slower than predicted that another plan may be better. */
  readonly onDrift: () => void
  /** Something was learned. */
  readonly onLearned?: () => void
}

/** Measured times are handed over in batches this far apart, or further where learning takes more than its share. */
const BATCH_MS = 1_000
const LEARNING_SHARE = 0.03
const MAX_BATCH = 64
const MAX_WAYS = 256
/** A correction that has moved by this ratio since the last plan is worth a new one. */
const DRIFT_RATIO = 1.25

/** Gathers the measured times of answered requests and gives them to the planning to learn from. */
export class LearningDesk {
  readonly #o: LearningDeskOptions
  #batch: Observed[] = []
  readonly #requests = new RequestMeans()
  /** When something last went each way. */
  readonly #sentMs = new Map<string, number>()
  #digest: ModelDigest | undefined
  #cancel: (() => void) | undefined
  #pauseMs = BATCH_MS

  constructor(options: LearningDeskOptions) {
    this.#o = options
  }

  measured(digest: ModelDigest, measurement: Measurement): void {
    if (digest !== this.#digest) this.#batch = []
    this.#digest = digest
    if (measurement.kind === 'request') this.#requests.add(measurement.plan, measurement.exit, measurement.ms)
    else if (this.#batch.length < MAX_BATCH) this.#batch.push(this.#withPause(measurement))
    this.#cancel ??= this.#o.clock.after(this.#pauseMs, () => {
      this.#cancel = undefined
      // A planner that has failed is told of by whoever plans; a lesson that is missed is no loss.
      this.#learn().catch(() => {})
    })
  }

  #withPause(measurement: Exclude<Measurement, { kind: 'request' }>): Observed {
    if (measurement.kind !== 'transfer') return measurement
    const { from, to, ms } = measurement
    const way = `${from} ${to}`
    const nowMs = this.#o.clock.now()
    const idleMs = Math.max(0, nowMs - ms - (this.#sentMs.get(way) ?? Number.NEGATIVE_INFINITY))
    this.#sentMs.set(way, nowMs)
    if (this.#sentMs.size > MAX_WAYS) this.#sentMs.clear()
    return { ...measurement, idleMs }
  }

  close(): void {
    this.#cancel?.()
    this.#batch = []
  }

  async #learn(): Promise<void> {
    const requests = this.#requests.take()
    const batch = [...this.#batch.splice(0), ...(requests === undefined ? [] : [requests])]
    if (this.#digest === undefined || batch.length === 0) return
    const { clock, planning, topology } = this.#o
    const startMs = clock.now()
    const { ratio } = await planning.observe(this.#digest, topology(), batch)
    this.#pauseMs = Math.max(BATCH_MS, (clock.now() - startMs) / LEARNING_SHARE)
    this.#o.onLearned?.()
    if (ratio >= DRIFT_RATIO) this.#o.onDrift()
  }
}
