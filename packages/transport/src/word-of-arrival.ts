import type { Clock } from '@roomful/core'
import { InFlight } from './in-flight.ts'
import { MessageStream } from './message-stream.ts'
import { probeAfterMs } from './tail-probe.ts'

/** Word that would leave sooner than this after a message would be too early for most answers, and come too late for its sender. */
const SOONEST_MS = 4

export interface WordOfArrivalOptions {
  readonly clock: Clock
  readonly rttMs: () => number | undefined
  /** Whether the way from the peer loses something, as far as anybody knows; the peer hears so with every beat. */
  readonly isLossy: () => boolean
  /** Of what has fewer bytes the sender need not hear. */
  readonly leastBytes: () => number
  /** When something was last handed over for the peer: that tells of the arrival, too. */
  readonly sentAtMs: () => number
  /** Sends one small datagram with the count of what has come. */
  readonly tell: () => void
}

/**
 * On a lossy way a sender probes for the end of its last message (tail-probe.ts) unless it hears that it is there. Who has got
 * it says so, once for messages that follow one another closely (message-stream.ts), and not when something else has left for the
 * peer meanwhile. Half of the time until the sender would probe is left for the timers and threads of both ends; where that is too little, on a
 * long way, nothing is told.
 */
export class WordOfArrival {
  readonly #o: WordOfArrivalOptions
  readonly #inFlight = new InFlight()
  readonly #stream = new MessageStream()
  /** When the newest message was complete, and when word of it is due. */
  #wholeAtMs = Number.NEGATIVE_INFINITY
  #dueMs = 0
  #armed = false
  #cancel: () => void = () => {}

  constructor(options: WordOfArrivalOptions) {
    this.#o = options
  }

  /** A message of the peer is complete. */
  whole(bytes: number): void {
    if (!this.#o.isLossy()) return
    const rttMs = this.#o.rttMs() ?? 0
    const pauseMs = (probeAfterMs(rttMs) - rttMs) / 2
    if (pauseMs < SOONEST_MS) return
    if (this.#o.sentAtMs() >= this.#wholeAtMs) this.#inFlight.answered()
    this.#wholeAtMs = this.#o.clock.now()
    this.#inFlight.add(this.#wholeAtMs, bytes)
    this.#stream.add(this.#wholeAtMs)
    if (this.#inFlight.bytes < this.#o.leastBytes()) return
    const waitMs = pauseMs + this.#stream.nextWithinMs
    this.#dueMs = this.#wholeAtMs + waitMs
    if (!this.#armed) this.#arm(waitMs)
  }

  stop(): void {
    // From now on one is always set.
    this.#armed = true
    this.#cancel()
  }

  /** One timer, however many messages: it is set anew only when it has come. */
  #arm(pauseMs: number): void {
    this.#armed = true
    this.#cancel = this.#o.clock.after(pauseMs, () => {
      this.#armed = false
      this.#look()
    })
  }

  #look(): void {
    if (this.#o.sentAtMs() >= this.#wholeAtMs) return
    const leftMs = this.#dueMs - this.#o.clock.now()
    if (leftMs > 1) this.#arm(leftMs)
    else this.#o.tell()
  }
}
