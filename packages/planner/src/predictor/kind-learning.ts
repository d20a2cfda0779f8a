import type { Plan } from '@roomful/core'
import type { PlanKind } from '../evaluator/kind.ts'

/** A factor stays within these bounds: what is further off has had an accident. */
const BOUNDS = { low: Math.log(0.5), high: Math.log(4) }
/** Of a new mean, once there are some. */
const WEIGHT = 0.3
/** What is known of all other kinds fades by this with every mean, halved after some thirty: rooms drift, and what was slow once is tried again. */
const KEPT = 0.98
/** The one that was seen last stays longest. */
const MAX_KINDS = 64

/** Requests on one plan that followed one another. */
export interface AskedMean {
  readonly plan: Plan
  /** Share of them that was answered at each of the model's exits. */
  readonly shares: readonly number[]
  readonly ms: number
}

/** The time of a plan's answers as its parts are predicted now, ms; undefined where it does not fit the room. */
export type PredictMean = (plan: Plan, shares: readonly number[]) => number | undefined

interface Seen extends AskedMean {
  readonly means: number
  /** How much of it still counts, 0..1. */
  readonly kept: number
}

/**
 * What plans of a kind have taken over what is predicted: the part of it that no device's speed, no link and no message's cost
 * explains, such as stages that wait for one another's quotas. Learned from means of requests; kept as times and held against what is
 * predicted when it is asked for, so that what is learned of speeds and messages meanwhile does not count twice. [ours]
 */
export class KindLearning {
  readonly #seen = new Map<PlanKind, Seen>()

  /** Numbers that are no times, and plans that do not fit the room, are ignored. */
  observe(kind: PlanKind, { plan, shares, ms }: AskedMean, predict: PredictMean): void {
    const predictedMs = predict(plan, shares)
    const log = Math.log(ms / (predictedMs ?? Number.NaN))
    if (predictedMs === undefined || !Number.isFinite(log)) return
    const before = this.#seen.get(kind)
    const known = before === undefined ? 0 : Math.log(this.factor(kind, predict))
    this.#seen.delete(kind)
    for (const [other, seen] of this.#seen) this.#seen.set(other, { ...seen, kept: seen.kept * KEPT })
    const means = (before?.means ?? 0) + 1
    const moved = known + Math.max(WEIGHT, 1 / means) * (log - known)
    this.#seen.set(kind, { plan, shares, ms: predictedMs * Math.exp(moved), means, kept: 1 })
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > MAX_KINDS && oldest !== undefined) this.#seen.delete(oldest)
  }

  /** What to multiply a prediction of this kind with; 1 where nothing was seen. */
  factor(kind: PlanKind, predict: PredictMean): number {
    const seen = this.#seen.get(kind)
    const predictedMs = seen && predict(seen.plan, seen.shares)
    if (seen === undefined || predictedMs === undefined) return 1
    const log = seen.kept * Math.log(seen.ms / predictedMs)
    return Number.isFinite(log) ? Math.exp(Math.min(BOUNDS.high, Math.max(BOUNDS.low, log))) : 1
  }

  /** The same for a predictor, which asks again and again. */
  factors(predict: PredictMean): (kind: PlanKind) => number {
    const known = new Map<PlanKind, number>()
    return (kind) => {
      const factor = known.get(kind) ?? this.factor(kind, predict)
      known.set(kind, factor)
      return factor
    }
  }

  has(kind: PlanKind): boolean {
    return this.#seen.has(kind)
  }

  get kinds(): Iterable<PlanKind> {
    return this.#seen.keys()
  }
}
