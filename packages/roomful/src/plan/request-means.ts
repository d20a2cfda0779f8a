import type { ExitName, Plan } from '@roomful/core'
import type { RequestMean } from './planning.ts'

/** Fewer requests tell of hiccups. */
const ENOUGH = 8
/** The first ones on a plan tell of browsers that compile scripts. */
const WARM = 6

/** Gathers the times of requests until there are enough for a mean. */
export class RequestMeans {
  #plan: Plan | undefined
  #warm = 0
  #sumMs = 0
  #count = 0
  #exits = new Map<ExitName, number>()

  /** Another plan begins anew. */
  add(plan: Plan, exit: ExitName, ms: number): void {
    if (plan !== this.#plan) {
      this.#clear()
      this.#plan = plan
      this.#warm = 0
    }
    if (this.#warm++ < WARM) return
    this.#sumMs += ms
    this.#count++
    this.#exits.set(exit, (this.#exits.get(exit) ?? 0) + 1)
  }

  /** The mean of what was added since the last one; undefined before there is enough of it. */
  take(): RequestMean | undefined {
    if (this.#plan === undefined || this.#count < ENOUGH) return undefined
    const mean: RequestMean = {
      kind: 'requests',
      plan: this.#plan,
      count: this.#count,
      ms: this.#sumMs / this.#count,
      exits: this.#exits,
    }
    this.#clear()
    return mean
  }

  #clear(): void {
    this.#sumMs = 0
    this.#count = 0
    this.#exits = new Map()
  }
}
