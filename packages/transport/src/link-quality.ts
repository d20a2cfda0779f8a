import type { Clock } from '@roomful/core'
import type { ProbeExpectation, ProbeResult } from './probe.ts'
import { RateEstimate } from './rate-estimate.ts'
import type { LinkFigures } from './room.ts'
import type { RateSample } from './transfer-meter.ts'

/**
 * Round trips that count: those of the last half minute, which is 150 at the pace of a busy link, and as many as this at any pace. The
 * second shortest is the link's: a busy thread or an empty CPU quota at either end only ever makes them longer, and a
 * request finds both ends free. One that is too short by chance does not count. The shortest is that of the idle link.
 */
const RECENT = { ms: 30_000, most: 150, least: 16 }
/** Of beats that come sooner after one another than a busy link's, the shortest round trip counts: they must not push out the older ones. */
const APART_MS = 150
const KNOWN_SAMPLES = 3
/** A change below this share, or these ms, is not worth telling the room. */
const TELL = { share: 0.1, ms: 2 }
/** A change above this is a jump, told at once. */
const JUMP = { share: 0.5, ms: 10 }
/**
 * Anything between is a drift: it waits for the next multiple of this time, the same for all links of a device, and is told with
 * theirs. Word of it goes to every device of the room by way of the server, and each looks at it and draws it.
 */
const DRIFT_MS = 6000

/** A way is as long as its shortest round trip where this share of at least so many recent ones is not much longer; else a busy end may make it long. */
const STEADY = { trips: 32, share: 0.75, factor: 1.5 }

/** An answer that takes longer than so many idle round trips and so many milliseconds comes from a busy device. */
const BUSY_RTTS = 1.5
const BUSY_MS = 15

/** The running figures of one link, and when a change is worth telling the room. */
export class LinkQuality {
  rttMs: number | undefined
  /** What comes in; measured here. */
  readonly incoming: RateEstimate
  /** What goes out: the peer's word, 10^6 bits per second. */
  #outgoing: number | undefined
  #toldAtMs = Number.NEGATIVE_INFINITY
  #probed: ProbeResult | undefined
  readonly #trips: { readonly atMs: number; rttMs: number; newestMs: number }[] = []
  /** Of `#trips`; every large message asks. */
  #idleRttMs: number | undefined
  #toldRttMs = Number.NaN
  #toldMbit = Number.NaN
  /** The multiple of `DRIFT_MS` at which the room was last told. */
  #toldIn = Number.NEGATIVE_INFINITY

  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
    this.incoming = new RateEstimate(clock)
  }

  /** Round trip without load. */
  get idleRttMs(): number | undefined {
    return this.#idleRttMs
  }

  /** Round trip of the way itself; undefined while too few are known, or while they vary as those of a page do that starts or computes. */
  get steadyRttMs(): number | undefined {
    const trips = this.#trips
    if (trips.length < STEADY.trips) return undefined
    let shortest = Number.POSITIVE_INFINITY
    for (const { newestMs } of trips) shortest = Math.min(shortest, newestMs)
    let near = 0
    for (const { newestMs } of trips) if (newestMs <= STEADY.factor * shortest) near++
    return near >= STEADY.share * trips.length ? shortest : undefined
  }

  get sendMbitPerSecond(): number | undefined {
    return this.#outgoing ?? this.#probed?.sendMbitPerSecond
  }

  get receiveMbitPerSecond(): number | undefined {
    return this.incoming.mbitPerSecond ?? this.#probed?.receiveMbitPerSecond
  }

  /** The link's one figure: plans take it for either direction, so it is that of the slower one. */
  get mbitPerSecond(): number | undefined {
    const { receiveMbitPerSecond: down, sendMbitPerSecond: up } = this
    return down === undefined || up === undefined ? (down ?? up) : Math.min(down, up)
  }

  /** What is known, for the room. */
  get figures(): LinkFigures {
    const { rttMs, mbitPerSecond, sendMbitPerSecond, receiveMbitPerSecond } = this
    return {
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(mbitPerSecond === undefined ? {} : { mbitPerSecond }),
      ...(sendMbitPerSecond === undefined ? {} : { sendMbitPerSecond }),
      ...(receiveMbitPerSecond === undefined ? {} : { receiveMbitPerSecond }),
    }
  }

  /**
   * What a look at the link should find while neither end is busy; undefined before the first round trip. A whole look expects no rates, so that
   * slow drifts are seen, too. `atOnce`: however busy the peer is.
   */
  expectation({ whole, atOnce }: { readonly whole: boolean; readonly atOnce: boolean }): ProbeExpectation | undefined {
    const { idleRttMs, receiveMbitPerSecond, sendMbitPerSecond } = this
    if (idleRttMs === undefined) return undefined
    return {
      mostRttMs: atOnce ? Number.POSITIVE_INFINITY : idleRttMs * BUSY_RTTS + BUSY_MS,
      receiveMbitPerSecond: whole ? undefined : receiveMbitPerSecond,
      sendMbitPerSecond: whole ? undefined : sendMbitPerSecond,
    }
  }

  /** Whether transfers of the last `withinMs` tell enough of both directions. */
  known(withinMs: number): boolean {
    const isTold = this.#clock.now() - this.#toldAtMs < withinMs
    return isTold && this.incoming.fresh(withinMs) >= KNOWN_SAMPLES
  }

  /**
   * True when the room should hear of it. `rttMs`: that of the newest few, `newestMs`: the newest one itself, which varies more.
   */
  roundTrip(rttMs: number, newestMs = rttMs): boolean {
    const nowMs = this.#clock.now()
    const newest = this.#trips.at(-1)
    if (newest !== undefined && nowMs - newest.atMs < APART_MS) {
      newest.rttMs = Math.min(newest.rttMs, rttMs)
      newest.newestMs = newestMs
    } else this.#trips.push({ atMs: nowMs, rttMs, newestMs })
    while (this.#isSpare(nowMs)) this.#trips.shift()
    const [shortest, second] = this.#shortestTwo()
    this.rttMs = this.#trips.length < 4 ? shortest : second
    this.#idleRttMs = shortest
    return this.#worthTelling()
  }

  /** A measurement of what comes in. */
  received(sample: RateSample): boolean {
    this.incoming.add(sample)
    return this.#worthTelling()
  }

  /** The peer told what it gets from here. */
  told(mbitPerSecond: number): boolean {
    if (mbitPerSecond !== this.#outgoing) this.#toldAtMs = this.#clock.now()
    this.#outgoing = mbitPerSecond
    return this.#worthTelling()
  }

  /** A probe's own figures, which serve until the meters of both ends have theirs. */
  probed(result: ProbeResult): boolean {
    this.#probed = result
    return this.roundTrip(result.rttMs)
  }

  /** Every beat asks: nothing is sorted for it. */
  #shortestTwo(): readonly [number, number] {
    let shortest = Number.POSITIVE_INFINITY
    let second = Number.POSITIVE_INFINITY
    for (const { rttMs } of this.#trips) {
      if (rttMs < shortest) {
        second = shortest
        shortest = rttMs
      } else if (rttMs < second) {
        second = rttMs
      }
    }
    return [shortest, second]
  }

  /** The oldest round trip counts no longer. */
  #isSpare(nowMs: number): boolean {
    const [oldest] = this.#trips
    const { ms, most, least } = RECENT
    if (oldest === undefined || this.#trips.length <= least) return false
    return this.#trips.length > most || nowMs - oldest.atMs > ms
  }

  #worthTelling(): boolean {
    const span = Math.floor(this.#clock.now() / DRIFT_MS)
    if (!this.#exceeds(span === this.#toldIn ? JUMP : TELL)) return false
    this.#toldIn = span
    this.#toldRttMs = this.rttMs ?? Number.NaN
    this.#toldMbit = this.mbitPerSecond ?? Number.NaN
    return true
  }

  /** What was not told before always does. */
  #exceeds({ share, ms }: { readonly share: number; readonly ms: number }): boolean {
    const { rttMs, mbitPerSecond } = this
    const rttStays = rttMs === undefined || Math.abs(rttMs - this.#toldRttMs) <= Math.max(ms, share * rttMs)
    const rateStays = mbitPerSecond === undefined || Math.abs(mbitPerSecond - this.#toldMbit) <= share * mbitPerSecond
    return !(rttStays && rateStays)
  }
}
