import type { Clock, DeviceId, RequestId, Span } from '@roomful/core'
import type { Attempt } from './attempt.ts'

/** Stages that were cancelled never report: nobody waits longer for them. */
const PATIENCE_MS = 1_000
/** Answered requests that are waited for at once; beyond it the oldest is taken as it is. */
const MOST = 64

/** Takes what a stage of the attempt tells; times as in `SpanBatch`. */
type Report = (from: DeviceId, spans: readonly Span[], originMs?: number) => void

interface Straggler {
  readonly attempt: Attempt
  readonly report: Report
  readonly complete: () => void
  readonly stopTimer: () => void
}

/** Answered requests whose stages have not all told what they did: an answer overtakes reports of earlier stages. */
export class Stragglers {
  readonly #clock: Clock
  readonly #waiting = new Map<RequestId, Straggler>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Calls `complete` once, when every stage of the attempt has reported, or when no more is expected. Some have not yet. */
  wait(attempt: Attempt, report: Report, complete: () => void): void {
    const stopTimer = this.#clock.after(PATIENCE_MS, () => this.#complete(attempt.id))
    this.#waiting.set(attempt.id, { attempt, report, complete, stopTimer })
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size > MOST && oldest !== undefined) this.#complete(oldest)
  }

  /** A report that came after the answer; of an unknown request, or of a device that has no part in it, it is dropped. */
  onSpans(id: RequestId, from: DeviceId, spans: readonly Span[], originMs?: number): void {
    const straggler = this.#waiting.get(id)
    if (straggler === undefined || !straggler.attempt.isOpen(from)) return
    straggler.report(from, spans, originMs)
    if (straggler.attempt.openDevices.length === 0) this.#complete(id)
  }

  /** Nothing more is expected of any of them. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.#complete(id)
  }

  #complete(id: RequestId): void {
    const straggler = this.#waiting.get(id)
    this.#waiting.delete(id)
    straggler?.stopTimer()
    straggler?.complete()
  }
}
