import type { PlanKind } from '../evaluator/kind.ts'

/** A factor stays within these bounds: what is further off has had an accident. */
const BOUNDS = { low: Math.log(0.5), high: Math.log(4) }
/** Of a new mean, once there are some. */
const WEIGHT = 0.3
/** What is known of all other kinds fades by this with every mean, halved after some thirty: rooms drift, and what was slow once is tried again. */
const KEPT = 0.98
/** The one that was seen last stays longest. */
const MAX_KINDS = 64

interface Seen {
  readonly log: number
  readonly means: number
}

/**
 * What plans of a kind have taken over what was predicted: the part of it that no device's speed, no link and no message's cost
 * explains, such as stages that wait for one another's quotas. Learned from means of requests that followed one another. [ours]
 */
export class KindLearning {
  readonly #seen = new Map<PlanKind, Seen>()

  /** `predictedMs`: without any factor of a kind. Numbers that are no times are ignored. */
  observe(kind: PlanKind, observedMs: number, predictedMs: number): void {
    const log = Math.log(observedMs / predictedMs)
    if (!Number.isFinite(log)) return
    const before = this.#seen.get(kind) ?? { log: 0, means: 0 }
    this.#seen.delete(kind)
    for (const [other, { log, means }] of this.#seen) this.#seen.set(other, { log: log * KEPT, means })
    const means = before.means + 1
    const moved = before.log + Math.max(WEIGHT, 1 / means) * (log - before.log)
    this.#seen.set(kind, { log: Math.min(BOUNDS.high, Math.max(BOUNDS.low, moved)), means })
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > MAX_KINDS && oldest !== undefined) this.#seen.delete(oldest)
  }

  /** What to multiply a prediction of this kind with; 1 where nothing was seen. */
  factor(kind: PlanKind): number {
    return Math.exp(this.#seen.get(kind)?.log ?? 0)
  }

  has(kind: PlanKind): boolean {
    return this.#seen.has(kind)
  }

  get kinds(): Iterable<PlanKind> {
    return this.#seen.keys()
  }

  clear(): void {
    this.#seen.clear()
  }
}
