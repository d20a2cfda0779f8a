import type { Clock } from '@roomful/core'

/** Keys per message, at most (the protocol takes 2,048). */
const MAX_KEYS = 1024
/** The first change after a pause is told after this, so that what one device has just seen the next one finds. */
const DELAY_MS = 250
/** While changes never end, as in a video, they are told as seldom as this: each time costs a message to every device. */
const STEADY_MS = 2_000

export interface IndexChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** Gathers changes of the own index for a moment and tells them at once: what comes and goes in between is not told. */
export class Gossip {
  readonly #clock: Clock
  readonly #tell: (change: IndexChange) => void
  readonly #added = new Set<string>()
  readonly #removed = new Set<string>()
  #cancel: (() => void) | undefined
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, tell: (change: IndexChange) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  change(added: readonly string[], removed: readonly string[]): void {
    for (const key of added) if (!this.#removed.delete(key)) this.#added.add(key)
    for (const key of removed) if (!this.#added.delete(key)) this.#removed.add(key)
    if (this.#added.size + this.#removed.size === 0) {
      this.close()
      return
    }
    const pauseMs = this.#toldMs + STEADY_MS - this.#clock.now()
    this.#cancel ??= this.#clock.after(Math.max(DELAY_MS, pauseMs), () => {
      this.#cancel = undefined
      this.#toldMs = this.#clock.now()
      for (const change of batches([...this.#added], [...this.#removed])) this.#tell(change)
      this.#added.clear()
      this.#removed.clear()
    })
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

/** An index in messages of bounded size; newest keys first, since the other side may not keep all. */
export function batches(added: readonly string[], removed: readonly string[] = []): IndexChange[] {
  const out: IndexChange[] = []
  for (let i = 0; i < Math.max(added.length, removed.length); i += MAX_KEYS) {
    out.push({ added: added.slice(i, i + MAX_KEYS), removed: removed.slice(i, i + MAX_KEYS) })
  }
  return out
}
