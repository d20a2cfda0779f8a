/** What one beat tells. Times are the sender's clock except where said. */
export interface Beat {
  readonly sequence: number
  /** The sender's promise: the next beat comes after this long (a hidden tab's timers are slow). */
  readonly intervalMs: number
  /** When it was sent, on the sender's clock. */
  readonly sentAtMs: number
  /** `sentAtMs` of the newest beat that the sender had received; NaN when none. */
  readonly echoSentAtMs: number
  /** How long the sender had held that beat. */
  readonly echoHeldMs: number
  /** What the sender gets from the receiver of this beat, in 10^6 bits per second; absent while it does not know. */
  readonly receivedMbit?: number
}

/** Chance of calling a living peer silent, per beat awaited. */
const FALSE_ALARM = 1e-9
/** Loss is never assumed to be lower: a link is good until it is not. */
const LOSS_FLOOR = 0.05
/** Beats missing in a row; at 200 ms no more than 1.7 s, so that silence is noticed within 2 s whatever the link loses. */
const MISSES = { min: 4, max: 8 }
/** Jitter may lengthen the wait by this share of an interval. */
const JITTER_SHARE = 0.5
/** A way with a longer round trip is long. */
const LONG_RTT_MS = 100
/** On a long way, after so many intervals without a beat, it is asked whether anything at all arrives. */
const SUSPECT_INTERVALS = 2.5
/** Nothing at all for this long is silence: 5 % loss beside transfers left 0.7 s at most in what was measured. */
const STIR_MS = 1400
/** Datagrams without beats for longer than this come from a browser whose page has stopped. */
const MUTE_MS = 5000
/** Our own timers came this much late: the silence may be ours (a long task, a suspended tab). */
const OWN_STALL_MS = 400
/** Weight of the newest observation in the running means. */
const SMOOTHING = { loss: 0.02, jitter: 0.1 }

/**
 * Decides whether a peer has fallen silent. Beats come on an unreliable channel at a promised interval, so their absence
 * has a probability: with loss p, k missing beats in a row happen with p^k. The peer is silent when that falls below
 * FALSE_ALARM (an accrual detector, after Hayashibara et al. 2004, with Bernoulli losses); jitter is added. The round
 * trip does not matter: a constant delay moves all beats alike.
 *
 * That holds while beats leave when they are due. They share one SCTP association with the messages: after a loss on a
 * long way its congestion window collapses, and beats wait for retransmissions, seconds in a row. Datagrams do not: the
 * peer acknowledges what it gets whatever its window. So on a long way a peer without beats is silent when no datagram of
 * any kind arrives either. Pure: time and the count of datagrams come in with the calls.
 */
export class HeartbeatMonitor {
  #lastLifeMs: number
  #lastCheckMs: number
  #lastBeat: { sequence: number; atMs: number; beat: Beat } | undefined
  #intervalMs: number
  #jitterMs = 0
  #loss = LOSS_FLOOR
  /** What had arrived when it was last asked; undefined: not asked since the last beat. */
  #arrived: number | undefined
  #lastStirMs = Number.NEGATIVE_INFINITY
  readonly #rtts: number[] = []

  constructor(nowMs: number, intervalMs: number) {
    this.#lastLifeMs = nowMs
    this.#lastCheckMs = nowMs
    this.#intervalMs = intervalMs
  }

  /** Silence longer than this is no accident. */
  get allowanceMs(): number {
    const misses = Math.log(FALSE_ALARM) / Math.log(this.#loss)
    const bounded = Math.min(MISSES.max, Math.max(MISSES.min, misses))
    return (bounded + 0.5) * this.#intervalMs + Math.min(4 * this.#jitterMs, this.#intervalMs * JITTER_SHARE)
  }

  /** Median of the newest round trips, in ms; undefined before the first echo. */
  get rttMs(): number | undefined {
    if (this.#rtts.length === 0) return undefined
    const sorted = [...this.#rtts].sort((a, b) => a - b)
    return sorted[sorted.length >> 1]
  }

  /** The newest beat and when it came, for the echo. */
  get newest(): { beat: Beat; atMs: number } | undefined {
    return this.#lastBeat
  }

  beat(nowMs: number, beat: Beat): void {
    const last = this.#lastBeat
    if (last !== undefined && beat.sequence <= last.sequence) return
    if (last !== undefined) {
      const steps = beat.sequence - last.sequence
      const lost = Math.min(1, (steps - 1) / steps)
      this.#loss = Math.min(0.5, Math.max(LOSS_FLOOR, this.#loss + SMOOTHING.loss * (lost - this.#loss)))
      const expectedMs = beat.sentAtMs - last.beat.sentAtMs
      const deviationMs = Math.abs(nowMs - last.atMs - expectedMs)
      this.#jitterMs += SMOOTHING.jitter * (deviationMs - this.#jitterMs)
    }
    this.#intervalMs = beat.intervalMs
    this.#lastBeat = { sequence: beat.sequence, atMs: nowMs, beat }
    const rttMs = nowMs - beat.echoSentAtMs - beat.echoHeldMs
    if (Number.isFinite(rttMs) && rttMs >= 0) {
      this.#rtts.push(rttMs)
      if (this.#rtts.length > 15) this.#rtts.shift()
    }
    this.alive(nowMs)
  }

  /** Anything else that the peer sent. */
  alive(nowMs: number): void {
    this.#lastLifeMs = Math.max(this.#lastLifeMs, nowMs)
    this.#arrived = undefined
  }

  /** Beats are missing on a long way: call `arrived` at every check. */
  suspects(nowMs: number): boolean {
    return this.#isLong && nowMs - this.#lastLifeMs > SUSPECT_INTERVALS * this.#intervalMs
  }

  /** Any count of all that has come from the peer, acknowledgements included; what matters is whether it changes. */
  arrived(nowMs: number, count: number): void {
    if (this.#arrived !== undefined && count !== this.#arrived) this.#lastStirMs = nowMs
    this.#arrived = count
  }

  /** Call at a steady pace of `paceMs`. True: the peer is silent. */
  silent(nowMs: number, paceMs: number): boolean {
    const stalledMs = nowMs - this.#lastCheckMs - paceMs
    this.#lastCheckMs = nowMs
    if (stalledMs > OWN_STALL_MS) {
      // What came meanwhile is still queued behind this timer: start waiting anew, as long as the stall lasted at most.
      this.#lastLifeMs = Math.min(nowMs, this.#lastLifeMs + stalledMs)
    }
    const quietMs = nowMs - this.#lastLifeMs
    if (quietMs <= this.allowanceMs) return false
    return !this.#isLong || nowMs - this.#lastStirMs > STIR_MS || quietMs > MUTE_MS
  }

  get #isLong(): boolean {
    return (this.rttMs ?? 0) >= LONG_RTT_MS
  }
}
