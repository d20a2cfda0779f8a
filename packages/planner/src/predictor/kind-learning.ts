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
  readonly shape: string
  readonly log: number
  /** How many means stand behind it, those that have faded counted less. */
  readonly means: number
}

/**
 * What plans of a kind have taken over what was predicted: the part of it that no device's speed, no link and no message's cost
 * explains, such as stages that wait for one another's quotas. Learned from means of requests that followed one another. Of a kind that was
 * never asked the mean of those of its shape counts, so that equal helpers need not be tried one by one. [ours]
 */
export class KindLearning {
  readonly #seen: Map<string, Seen>

  /** `other`: what it knows now, to go on from. */
  constructor(other?: KindLearning) {
    this.#seen = new Map(other === undefined ? [] : other.#seen)
  }

  /** `predictedMs`: without any factor of a kind. Numbers that are no times are ignored. */
  observe({ id, shape }: PlanKind, observedMs: number, predictedMs: number): void {
    const log = Math.log(observedMs / predictedMs)
    if (!Number.isFinite(log)) return
    const before = this.#seen.get(id) ?? { shape, log: 0, means: 0 }
    this.#seen.delete(id)
    for (const [other, seen] of this.#seen) {
      this.#seen.set(other, { ...seen, log: seen.log * KEPT, means: seen.means * KEPT })
    }
    const means = before.means + 1
    const moved = before.log + Math.max(WEIGHT, 1 / means) * (log - before.log)
    this.#seen.set(id, { shape, log: Math.min(BOUNDS.high, Math.max(BOUNDS.low, moved)), means })
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > MAX_KINDS && oldest !== undefined) this.#seen.delete(oldest)
  }

  /** What to multiply a prediction of this kind with; 1 where nothing like it was seen. */
  factor({ id, shape }: PlanKind): number {
    const own = this.#seen.get(id)
    if (own !== undefined) return Math.exp(own.log)
    let sum = 0
    let alike = 0
    for (const seen of this.#seen.values()) {
      if (seen.shape !== shape) continue
      sum += seen.log
      alike++
    }
    return alike === 0 ? 1 : Math.exp(sum / alike)
  }

  /** Whether plans of this kind have been asked. */
  has({ id }: PlanKind): boolean {
    return this.#seen.has(id)
  }

  get size(): number {
    return this.#seen.size
  }
}
