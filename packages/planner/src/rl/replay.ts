import type { Random } from '@roomful/core'

export interface Transition {
  readonly state: readonly number[]
  readonly action: readonly number[]
  readonly reward: number
  readonly next: readonly number[]
  readonly done: boolean
}

/** The last `capacity` transitions; the oldest is overwritten. */
export class Replay {
  readonly #items: Transition[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#items.length
  }

  add(transition: Transition): void {
    this.#items[this.#next] = transition
    this.#next = (this.#next + 1) % this.#capacity
  }

  sample(count: number, random: Random): Transition[] {
    return Array.from({ length: count }, () => this.#items[random.int(this.#items.length)] as Transition)
  }
}
