import { type Beat, INTERVALS } from './beat.ts'

/** Chance of calling a living peer silent, per beat awaited. */
const FALSE_ALARM = 1e-9
/** Loss is never assumed to be lower: a link is good until it is not. */
const LOSS_FLOOR = 0.05
/** Beats missing in a row. */
const MISSES = { min: 4, max: 8 }
/** Silence of a page in sight is noticed after this long at the latest, whatever the link loses; 2 s are promised. */
const MAX_ALLOWANCE_MS = 1800
/** Jitter may lengthen the wait by this share of an interval. */
const JITTER_SHARE = 0.5
/** A way with a longer round trip is long. */
const LONG_RTT_MS = 100
/** A way of which this many round trips in a row were short, and that loses less than this share, is steady. */
const STEADY = { trips: 3, loss: 0.1 }
/** A page in sight gives a sign of life every 400 ms at least: after this long one is missing; or it promises less. */
const DOUBT_MS = 500
/** So long after the promised time a beat is missing. */
const OVERDUE_MS = 100
/** A hidden page is in doubt after so many intervals. */
const HIDDEN_DOUBT_INTERVALS = 2.5
/** What will be in doubt this soon is looked at more often; beats that come just after a look, every 400 ms, are not. */
const WATCH_MS = 50
/** Nothing at all for this long is silence: 5 % loss beside transfers left 0.7 s at most in what was measured. */
const STIR_MS = 1400
/** Datagrams without beats for longer than this come from a browser whose page has stopped. */
const MUTE_MS = 5000
/** Our own timers came this much late: the silence may be ours (a long task, a suspended tab). */
const OWN_STALL_MS = 400
/** After this many beats in a row the way is taken for one that loses nothing: a way that loses 1 % looks like it for 5 % of the time. */
const LOSSLESS_BEATS = 300
/** And where fewer than two of this many were lost. */
const LOSSY_AMONG = 1000
/** After this many in a row beats may become rare: at 5 % loss one way in thirteen looks like it. */
const SOUND_BEATS = 50
/** Or where so few of so many were lost: one way in twenty with 5 % loss looks like it, and seven of eight with 1 %. */
const NEARLY_SOUND = { lost: 2, of: 128 }
/** A shorter way than this, within a machine or over a cable, is taken for one that loses nothing until it does. */
const NEAR_MS = 2
/** A beat that is missing where so much was carried since the one before it, either way (acknowledgements crowd too), was lost in that crowd. */
const CROWD_BYTES = 48 << 10
/** A beat may come after this many newer ones: those that leave together overtake one another. */
const OVERTAKEN_BEATS = 8
/** So many losses are remembered: some may turn out to have been overtaken only. */
const KEPT_LOSSES = NEARLY_SOUND.lost + 1 + OVERTAKEN_BEATS
/** Weight of the newest observation in the running means. */
const SMOOTHING = { loss: 0.02, jitter: 0.1 }

/**
 * Decides whether a peer has fallen silent. Beats come on an unreliable channel at a promised interval, so their absence
 * has a probability: with loss p, k missing beats in a row happen with p^k. The peer is silent when that falls below
 * FALSE_ALARM (an accrual detector, after Hayashibara et al. 2004, with Bernoulli losses); jitter is added. The round
 * trip does not matter: a constant delay moves all beats alike.
 *
 * A link at rest beats half as often, and a sleeping one a quarter. After the first beat that is missing, its two ends beat
 * twice as fast as a busy link's, so that by the time a busy peer would be called silent, one interval later, more beats were
 * awaited than there. Of a sleeping one six at least are awaited after the missing one, there and back: 4e-8 at 5 % loss
 * each way, but such a way falls asleep one time in ten (`isSound`).
 *
 * That holds while beats leave when they are due. They share one SCTP association with the messages: after a loss on a
 * long way its congestion window collapses, and beats wait for retransmissions, seconds in a row. Datagrams do not: the
 * peer acknowledges what it gets whatever its window. So on a long way a peer without beats is silent when no datagram of
 * any kind arrives either. Pure: time and the count of datagrams come in with the calls.
 */
export class HeartbeatMonitor {
  #lastLifeMs: number
  #lastBeat: { sequence: number; atMs: number; beat: Beat } | undefined
  #intervalMs: number = INTERVALS.busyMs
  #jitterMs = 0
  #loss = LOSS_FLOOR
  #beatsInRow = 0
  #firstSequence: number | undefined
  /** The newest beats that were lost, oldest first. */
  readonly #losses: number[] = []
  /** Beats that newer ones have overtaken, most likely lost, and `#beatsInRow` before the first of them. */
  readonly #missing = new Set<number>()
  #rowBefore = 0
  #hasLost = false
  #hadLost = false
  /** The same of beats that were lost while the way had little else to carry. */
  #hasLostAlone = false
  #hadLostAlone = false
  #carriedBytes = 0
  #shortestMs = Number.POSITIVE_INFINITY
  /** What had arrived when it was last asked; undefined: not asked since the last beat. */
  #arrived: number | undefined
  #lastStirMs = Number.NEGATIVE_INFINITY
  readonly #rtts: number[] = []
  #rttMs: number | undefined

  constructor(nowMs: number) {
    this.#lastLifeMs = nowMs
  }

  /** Silence longer than this is no accident. */
  get allowanceMs(): number {
    const misses = Math.log(FALSE_ALARM) / Math.log(this.#loss)
    const bounded = Math.min(MISSES.max, Math.max(MISSES.min, misses))
    const paceMs = this.#isInSight ? INTERVALS.busyMs : this.#intervalMs
    const lateMs = Math.max(0, this.#intervalMs - paceMs)
    const jitterMs = Math.min(4 * this.#jitterMs, paceMs * JITTER_SHARE)
    const allowanceMs = (bounded + 0.5) * paceMs + lateMs + jitterMs
    return this.#isInSight ? Math.min(MAX_ALLOWANCE_MS, allowanceMs) : allowanceMs
  }

  /** Median of the newest round trips, in ms; undefined before the first echo. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  /** The newest round trip, in ms. */
  get newestRttMs(): number | undefined {
    return this.#rtts.at(-1)
  }

  /** A round trip so long that a congestion window may hold beats up. */
  get isLong(): boolean {
    return (this.#rttMs ?? 0) >= LONG_RTT_MS
  }

  /** Short for sure, and losing little: fewer signs of life do, because more can be had in time. */
  get isSteady(): boolean {
    const newest = this.#rtts.slice(-STEADY.trips)
    return newest.length === STEADY.trips && newest.every((ms) => ms < LONG_RTT_MS) && this.#loss <= STEADY.loss
  }

  /** A beat of the peer was lost not long ago, or too few have come to tell. */
  get isLossy(): boolean {
    const isTrusted = this.#shortestMs < NEAR_MS && !this.#hasLost
    return !isTrusted && (this.#beatsInRow < LOSSLESS_BEATS || this.#beatsSince(this.#losses.at(-2)) < LOSSY_AMONG)
  }

  /** Steady, and so little was lost for so long that a missing beat says much. */
  get isSound(): boolean {
    return this.isSteady && (this.#beatsInRow >= SOUND_BEATS || this.#losesLittle)
  }

  #beatsSince(sequence: number | undefined): number {
    return sequence === undefined ? Number.POSITIVE_INFINITY : (this.#lastBeat?.sequence ?? sequence) - sequence
  }

  get #losesLittle(): boolean {
    const { lost, of } = NEARLY_SOUND
    return this.#beatsSince(this.#losses.at(-lost - 1) ?? this.#firstSequence) >= of
  }

  /** So short that nothing on it loses anything but the buffers at its ends, when too much comes at once. */
  get isNear(): boolean {
    return this.#shortestMs < NEAR_MS && !this.#hasLostAlone
  }

  /** The newest beat and when it came, for the echo. */
  get newest(): { beat: Beat; atMs: number } | undefined {
    return this.#lastBeat
  }

  /** `carriedBytes`: what has come from the peer and gone to it so far, beside beats. */
  beat(nowMs: number, beat: Beat, carriedBytes = 0): void {
    const last = this.#lastBeat
    if (last !== undefined && beat.sequence <= last.sequence) {
      this.#overtaken(beat.sequence)
      return
    }
    if (last !== undefined) {
      const steps = beat.sequence - last.sequence
      const lost = Math.min(1, (steps - 1) / steps)
      this.#count(last.sequence, beat.sequence, carriedBytes - this.#carriedBytes < CROWD_BYTES)
      this.#loss = Math.min(0.5, Math.max(LOSS_FLOOR, this.#loss + SMOOTHING.loss * (lost - this.#loss)))
      const expectedMs = beat.sentAtMs - last.beat.sentAtMs
      const deviationMs = Math.abs(nowMs - last.atMs - expectedMs)
      this.#jitterMs += SMOOTHING.jitter * (deviationMs - this.#jitterMs)
    }
    this.#firstSequence ??= beat.sequence
    this.#carriedBytes = carriedBytes
    this.#intervalMs = beat.intervalMs
    this.#lastBeat = { sequence: beat.sequence, atMs: nowMs, beat }
    const rttMs = nowMs - beat.echoSentAtMs - beat.echoHeldMs
    if (Number.isFinite(rttMs) && rttMs >= 0) {
      this.#shortestMs = Math.min(this.#shortestMs, rttMs)
      this.#rtts.push(rttMs)
      if (this.#rtts.length > 15) this.#rtts.shift()
      this.#rttMs = [...this.#rtts].sort((a, b) => a - b)[this.#rtts.length >> 1]
    }
    this.alive(nowMs)
  }

  /** Anything else that the peer sent. */
  alive(nowMs: number): void {
    this.#lastLifeMs = Math.max(this.#lastLifeMs, nowMs)
    this.#arrived = undefined
  }

  /** A sign of life is missing: beats are asked for, or on a long way `arrived` is called at every check. */
  doubts(nowMs: number): boolean {
    return nowMs - this.#lastLifeMs > this.#doubtMs
  }

  /** It may come to doubts soon: check every 100 ms. */
  waits(nowMs: number): boolean {
    return nowMs - this.#lastLifeMs > this.#doubtMs - WATCH_MS
  }

  /** Any count of all that has come from the peer, acknowledgements included; what matters is whether it changes. */
  arrived(nowMs: number, count: number): void {
    if (this.#arrived !== undefined && count !== this.#arrived) this.#lastStirMs = nowMs
    this.#arrived = count
  }

  /** Call every 200 ms or sooner; `lateMs`: so much later than was planned. True: the peer is silent. */
  silent(nowMs: number, lateMs: number): boolean {
    if (lateMs > OWN_STALL_MS) {
      // What came meanwhile is still queued behind this timer: start waiting anew, as long as the stall lasted at most.
      this.#lastLifeMs = Math.min(nowMs, this.#lastLifeMs + lateMs)
    }
    const quietMs = nowMs - this.#lastLifeMs
    if (quietMs <= this.allowanceMs) return false
    return !this.isLong || nowMs - this.#lastStirMs > STIR_MS || quietMs > MUTE_MS
  }

  #count(before: number, sequence: number, isAlone: boolean): void {
    for (let lost = Math.max(before + 1, sequence - KEPT_LOSSES); lost < sequence; lost++) this.#losses.push(lost)
    while (this.#losses.length > KEPT_LOSSES) this.#losses.shift()
    if (sequence === before + 1) {
      this.#beatsInRow++
      if (this.#beatsInRow > OVERTAKEN_BEATS) this.#missing.clear()
      return
    }
    if (this.#missing.size === 0) {
      this.#rowBefore = this.#beatsInRow
      this.#hadLost = this.#hasLost
      this.#hadLostAlone = this.#hasLostAlone
    }
    this.#beatsInRow = 0
    this.#hasLost = true
    this.#hasLostAlone ||= isAlone
    if (sequence - before > OVERTAKEN_BEATS) this.#missing.clear()
    else for (let missing = before + 1; missing < sequence; missing++) this.#missing.add(missing)
  }

  /** It was late and not lost: what was booked as a loss is taken back. */
  #overtaken(sequence: number): void {
    if (!this.#missing.delete(sequence)) return
    const place = this.#losses.lastIndexOf(sequence)
    if (place >= 0) this.#losses.splice(place, 1)
    this.#loss = Math.max(LOSS_FLOOR, this.#loss - SMOOTHING.loss * (1 - this.#loss))
    if (this.#missing.size > 0) return
    this.#beatsInRow += this.#rowBefore + 1
    this.#hasLost = this.#hadLost
    this.#hasLostAlone = this.#hadLostAlone
  }

  get #isInSight(): boolean {
    return this.#intervalMs <= INTERVALS.sleepingMs
  }

  get #doubtMs(): number {
    return this.#isInSight
      ? Math.max(DOUBT_MS, this.#intervalMs + OVERDUE_MS)
      : HIDDEN_DOUBT_INTERVALS * this.#intervalMs
  }
}
