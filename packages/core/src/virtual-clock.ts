import type { Clock } from './clock.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/**
 * A clock that moves only when told to. Timers fire in order of due time, then of creation. Between timers the
 * microtask queue is drained, so promise chains behave as they would in real time.
 */
export class VirtualClock implements Clock {
  #nowMs = 0
  #order = 0
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  /** How many timers wait; zero after a run means that nothing leaked a wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Fires everything due within the next `durationMs` and leaves the clock exactly there. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    await settle()
    for (let next = this.#next(); next !== undefined && next.dueMs <= endMs; next = this.#next()) {
      this.#fire(next)
      await settle()
    }
    this.#nowMs = endMs
  }

  /** Advances until `done` settles; throws when no timer is left or `limitMs` of virtual time is used up. */
  async runUntil<T>(done: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let settled = false
    const mark = () => {
      settled = true
    }
    done.then(mark, mark)
    const endMs = this.#nowMs + limitMs
    for (;;) {
      await settle()
      if (settled) return done
      const next = this.#next()
      if (next === undefined) throw new Error('virtual clock: nothing is scheduled and the promise is still pending')
      if (next.dueMs > endMs) throw new Error(`virtual clock: still pending after ${limitMs} ms`)
      this.#fire(next)
    }
  }

  #next(): Timer | undefined {
    let best: Timer | undefined
    for (const timer of this.#timers) {
      if (best === undefined || timer.dueMs < best.dueMs || (timer.dueMs === best.dueMs && timer.order < best.order)) {
        best = timer
      }
    }
    return best
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer)
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.callback()
  }
}

/** Node's; five times as fast as a message channel, which browsers need instead. */
const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown }

/** Lets chained microtasks run: a macrotask boundary that no fake timer touches. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    if (setImmediate !== undefined) {
      setImmediate(resolve)
      return
    }
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
