import type { PlanKind } from '../evaluator/kind.ts'

/** A factor stays within these bounds: what is further off has had an accident. */
const BOUNDS = { low: Math.log(0.5), high: Math.log(4) }
/** Of a new mean, once there are some. */
const WEIGHT = 0.3
/** What is known of all other kinds fades by this with every mean, halved after some thirty: rooms drift, and what was slow once is tried again. */
const KEPT = 0.98
/** The one that was seen last stays longest. */
const MAX_KINDS = 64

/**
 * Of a kind unlike `kinds` others of its family: how much of their mean it is off by. What a kind is off by is partly the room's, such as a slow day, and
 * partly its own, and nobody knows which is more: with equal variances, both around nothing, the room's part is expected to be this share of the mean (the usual
 * shrinkage of a random effect). Half of one kind's may have been its own; what four are off by in the same direction is the room's. Too little of it,
 * and whatever has not been asked looks better than what has, so that the last kind that is tried is kept unseen. What plans of several
 * devices are off by says nothing of the asking device alone, whose speed has been measured so.
 */
const sharedBy = (kinds: number) => kinds / (kinds + 1)

interface Seen extends Pick<PlanKind, 'family' | 'isAlone' | 'shape'> {
  readonly log: number
  /** How many means stand behind it, those that have faded counted less. */
  readonly means: number
}

/**
 * What plans of a kind have taken over what was predicted: the part of it that no device's speed, no link and no message's cost
 * explains, such as stages that wait for one another's quotas. Learned from means of requests that followed one another. Of a kind that was
 * never asked the mean of those of its shape counts, so that equal helpers need not be tried one by one; where there is none, a share of the
 * mean of its family that grows with the kinds seen, of the asking device alone only what that has taken otherwise. [ours]
 */
export class KindLearning {
  readonly #seen: Map<string, Seen>

  /** `other`: what it knows now, to go on from. */
  constructor(other?: KindLearning) {
    this.#seen = new Map(other === undefined ? [] : other.#seen)
  }

  /** `predictedMs`: without any factor of a kind. Numbers that are no times are ignored. */
  observe({ id, family, isAlone, shape }: PlanKind, observedMs: number, predictedMs: number): void {
    const log = Math.log(observedMs / predictedMs)
    if (!Number.isFinite(log)) return
    const before = this.#seen.get(id) ?? { log: 0, means: 0 }
    this.#seen.delete(id)
    for (const [other, seen] of this.#seen) {
      this.#seen.set(other, { ...seen, log: seen.log * KEPT, means: seen.means * KEPT })
    }
    const means = before.means + 1
    const moved = before.log + Math.max(WEIGHT, 1 / means) * (log - before.log)
    this.#seen.set(id, { family, isAlone, shape, log: Math.min(BOUNDS.high, Math.max(BOUNDS.low, moved)), means })
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > MAX_KINDS && oldest !== undefined) this.#seen.delete(oldest)
  }

  /** What to multiply a prediction of this kind with; 1 where nothing of its family was seen. */
  factor({ id, family, isAlone, shape }: PlanKind): number {
    const own = this.#seen.get(id)
    if (own !== undefined) return Math.exp(own.log)
    const known = [...this.#seen.values()].filter((seen) => seen.family === family && (seen.isAlone || !isAlone))
    const alike = known.filter((seen) => seen.shape === shape)
    return Math.exp(alike.length > 0 ? meanLog(alike) : sharedBy(known.length) * meanLog(known))
  }

  /** Whether plans of this kind have been asked. */
  has({ id }: PlanKind): boolean {
    return this.#seen.has(id)
  }

  get size(): number {
    return this.#seen.size
  }
}

/** 0 of none. */
function meanLog(kinds: readonly Seen[]): number {
  return kinds.reduce((sum, { log }) => sum + log, 0) / Math.max(1, kinds.length)
}
