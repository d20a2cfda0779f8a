import type { Clock } from '@roomful/core'

/** Wake-ups fall on multiples of this. */
export const TICK_MS = 100
/** And on each multiple of this, whatever the members want. */
const CALM_MS = 200
/** What is due sooner than this waits for the next multiple. */
const SHORTEST_MS = TICK_MS / 4

export interface PulseMember {
  /**
   * Called at every wake-up, which came `lateMs` after its time. Returns when it wants to be called again at the latest;
   * it is called sooner when another member wants that.
   */
  tick(nowMs: number, lateMs: number): number
}

/** One timer for all links of a page: a task of a browser's main thread costs 0.1 ms, however little it does. */
export class Pulse {
  readonly clock: Clock
  readonly #members = new Set<PulseMember>()
  #plannedMs = 0
  #cancel: () => void = () => {}

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** The first call comes within `CALM_MS`. Returns how to leave. */
  join(member: PulseMember): () => void {
    this.#members.add(member)
    if (this.#members.size === 1) this.#plan(Number.POSITIVE_INFINITY)
    return () => {
      this.#members.delete(member)
      if (this.#members.size === 0) this.#cancel()
    }
  }

  #wake(): void {
    const nowMs = this.clock.now()
    const lateMs = nowMs - this.#plannedMs
    let wantedMs = Number.POSITIVE_INFINITY
    for (const member of this.#members) {
      try {
        wantedMs = Math.min(wantedMs, member.tick(nowMs, lateMs))
      } catch (error) {
        // One link's trouble is not the others': they tick, and it is heard of all the same.
        queueMicrotask(() => {
          throw error
        })
      }
    }
    if (this.#members.size > 0) this.#plan(wantedMs)
  }

  #plan(wantedMs: number): void {
    this.#cancel()
    const nowMs = this.clock.now()
    const soonestMs = nowMs + SHORTEST_MS
    const calmMs = Math.ceil(soonestMs / CALM_MS) * CALM_MS
    this.#plannedMs = Math.min(calmMs, Math.ceil(Math.max(wantedMs, soonestMs) / TICK_MS) * TICK_MS)
    this.#cancel = this.clock.after(this.#plannedMs - nowMs, () => this.#wake())
  }
}
