import type { Clock } from '@roomful/core'
import { InFlight } from './in-flight.ts'
import { LONGEST_GAP_MS, MessageStream } from './message-stream.ts'
import { LONGEST_NOTICE_MS, NoticeDelay } from './notice-delay.ts'
import { probeAfterMs, WORD_MS } from './tail-probe.ts'

/** Word that would leave sooner than this after a message would be too early for most answers, and come too late for its sender. */
const SOONEST_MS = 4

export interface WordOfArrivalOptions {
  readonly clock: Clock
  readonly rttMs: () => number | undefined
  /** Whether the way from the peer loses something, as far as anybody knows; the peer hears so with every beat. */
  readonly isLossy: () => boolean
  /** Of what has fewer bytes the sender need not hear. */
  readonly leastBytes: () => number
  /** Sends one small datagram with the count of what has come. */
  readonly tell: () => void
}

/**
 * On a lossy way a sender probes for the end of its last message (tail-probe.ts) unless it hears that it is there. Who has got
 * it says so, once for messages that follow one another closely (message-stream.ts), and not when something else has left for the
 * peer meanwhile. Half of the time until a sender that knows nothing yet would probe is left for the timers and threads of both ends; where that is too
 * little, on a long way, nothing is told. Where this end usually answers soon after, the answer is waited for: the sender learns how long that takes as
 * it learns how long word does, and waits `WORD_MS` longer.
 */
export class WordOfArrival {
  readonly #o: WordOfArrivalOptions
  readonly #inFlight = new InFlight()
  readonly #stream = new MessageStream()
  readonly #answer = new NoticeDelay()
  /** When the newest message came that its sender should hear of, and when word of it is due. */
  #owedAtMs = Number.NEGATIVE_INFINITY
  #dueMs = 0
  /** Nothing was handed over since, whether word has left or not: that would tell of it, too. */
  #isUnanswered = false
  /** When the timer comes. */
  #firesMs = 0
  #armed = false
  #cancel: () => void = () => {}

  constructor(options: WordOfArrivalOptions) {
    this.#o = options
  }

  /** Something was handed over for the peer. */
  sent(nowMs: number): void {
    this.#inFlight.answered()
    if (!this.#isUnanswered) return
    this.#isUnanswered = false
    this.#answer.add(nowMs - this.#owedAtMs)
  }

  /** A message of the peer is complete. */
  whole(bytes: number): void {
    const rttMs = this.#o.rttMs() ?? 0
    const pauseMs = (probeAfterMs(rttMs) - rttMs) / 2
    if (!this.#o.isLossy() || pauseMs < SOONEST_MS) {
      // An answer that comes now is none to what was owed then.
      if (!this.#armed) this.#isUnanswered = false
      return
    }
    const nowMs = this.#o.clock.now()
    this.#inFlight.add(nowMs, bytes)
    this.#stream.add(nowMs)
    if (this.#inFlight.bytes < this.#o.leastBytes()) return
    // Where messages come and no answers go, word leaves at once again.
    if (this.#isUnanswered && nowMs - this.#owedAtMs > LONGEST_GAP_MS) this.#answer.add(LONGEST_NOTICE_MS)
    this.#isUnanswered = true
    this.#owedAtMs = nowMs
    const waitMs = Math.max(pauseMs + this.#stream.nextWithinMs, this.#answerWithinMs(rttMs))
    this.#dueMs = nowMs + waitMs
    if (this.#armed && this.#firesMs - this.#dueMs <= 1) return
    this.#cancel()
    this.#arm(waitMs)
  }

  stop(): void {
    // From now on one is always set.
    this.#armed = true
    this.#firesMs = Number.NEGATIVE_INFINITY
    this.#cancel()
  }

  /**
   * How long after a message this end has usually answered; 0 where its sender, who counts the way there and back too, would hardly wait so long.
   */
  #answerWithinMs(rttMs: number): number {
    const { usualMs } = this.#answer
    return usualMs + rttMs + WORD_MS < LONGEST_NOTICE_MS ? usualMs : 0
  }

  /** One timer, however many messages: it is set anew when it has come, or comes too late for the newest one. */
  #arm(pauseMs: number): void {
    this.#armed = true
    this.#firesMs = this.#o.clock.now() + pauseMs
    this.#cancel = this.#o.clock.after(pauseMs, () => {
      this.#armed = false
      this.#look()
    })
  }

  #look(): void {
    if (!this.#isUnanswered) return
    const leftMs = this.#dueMs - this.#o.clock.now()
    if (leftMs > 1) this.#arm(leftMs)
    else this.#o.tell()
  }
}
