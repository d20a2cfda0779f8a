import { type Clock, type DeviceId, type Span, withDeadline } from '@roomful/core'
import { RuntimeError } from '../error.ts'
import type { InstalledPlan } from './installer.ts'

/** Requests of one plan that run at once: half of what a device lets one plan have there (`requestsPerPlan`). */
const AT_ONCE = 16
/** Requests of one plan that may wait; one more is refused. */
const MAX_WAITING = 256

interface Gate {
  running: number
  readonly waiting: Set<() => void>
}

/** What a request waited for, and how it gives its place to the next. */
export interface Turn {
  readonly spans: readonly Span[]
  leave(): void
}

/** Lets so many requests of a plan run at once as its devices take; more wait here in the order of their arrival. */
export class Turnstile {
  readonly #clock: Clock
  readonly #self: DeviceId
  readonly #gates = new WeakMap<InstalledPlan, Gate>()
  /** Of all that wait. */
  readonly #refusals = new Set<(reason: unknown) => void>()

  constructor(clock: Clock, self: DeviceId) {
    this.#clock = clock
    this.#self = self
  }

  /** @throws RuntimeError `overloaded`, `deadline`, `closed`; `signal.reason` */
  async enter(
    installed: InstalledPlan,
    { startMs, deadlineMs, signal }: { startMs: number; deadlineMs: number; signal?: AbortSignal | undefined },
  ): Promise<Turn> {
    const gate = this.#gates.get(installed) ?? { running: 0, waiting: new Set() }
    this.#gates.set(installed, gate)
    const leave = () => {
      gate.running--
      const [next] = gate.waiting
      next?.()
    }
    const sinceStart = () => this.#clock.now() - startMs
    const askedMs = sinceStart()
    if (gate.running < AT_ONCE) {
      gate.running++
      return { spans: [], leave }
    }
    if (gate.waiting.size >= MAX_WAITING) {
      throw new RuntimeError('overloaded', `${MAX_WAITING} requests of this plan wait already`)
    }
    let start = () => {}
    let refuse: (reason: unknown) => void = () => {}
    const turn = new Promise<void>((resolve, reject) => {
      refuse = reject
      start = () => {
        gate.waiting.delete(start)
        gate.running++
        resolve()
      }
    })
    gate.waiting.add(start)
    this.#refusals.add(refuse)
    try {
      await withDeadline(turn, {
        clock: this.#clock,
        timeoutMs: Math.max(0, deadlineMs - askedMs),
        signal,
        onTimeout: () => new RuntimeError('deadline', `no answer within ${deadlineMs} ms`),
      })
    } catch (error) {
      // Its turn may have come in the very moment in which it was given up.
      if (!gate.waiting.delete(start)) leave()
      throw error
    } finally {
      this.#refusals.delete(refuse)
    }
    return { spans: [{ device: this.#self, kind: 'queue', startMs: askedMs, endMs: sinceStart() }], leave }
  }

  close(reason: unknown): void {
    for (const refuse of this.#refusals) refuse(reason)
  }
}
