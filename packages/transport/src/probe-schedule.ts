import type { Clock, Random } from '@roomful/core'

/** When a link is measured after it came up; the last distance repeats. */
export const PROBE_AT_MS: readonly number[] = [0, 5000, 10_000, 15_000, 60_000]
export const PROBE_EVERY_MS = 120_000
/** Spread, so that the links of a room that formed at once are not all measured at once. */
const SPREAD = 0.2
/** A device that has news of its speed has just ended its benchmark. */
const AFTER_NEWS_MS = 1000
/** News that bring a measurement; a device that tells news all the time is not measured all the time. */
const MAX_NEWS = 6
/** A timer that comes this late tells of a busy thread or a starved process. */
const LATE_MS = 15
const LISTEN_MS = 150
/** A room that is never calm is measured all the same, the first time after less patience. */
const TRIES = { early: 4, late: 20 }
/** A look at a link that has been measured waits so long for another moment where there was none, so many times in a row at most. */
const PUT_OFF_MS = 30_000
const MOST_PUT_OFF = 6

/**
 * `first`: as soon as the link is up, briefly. `thorough`: while little is known of it, in a calm moment where one comes. `look`: whether it has
 * changed; that must not cost a weak device a second of its processor, and waits where either end is busy. `forced`: a look that has waited
 * long enough.
 */
export type ProbeKind = 'first' | 'thorough' | 'look' | 'forced'

export interface ProbeScheduleOptions {
  readonly clock: Clock
  readonly random: Random
  /** Nothing is in transfer on any link of this device. */
  readonly calm: () => boolean
  /** Transfers have lately measured this link in both directions. */
  readonly known: () => boolean
  /** Measures the link. Never rejects; false: one end was too busy for a look, which is to come later. */
  readonly probe: (kind: ProbeKind) => Promise<boolean>
}

/** Decides when one link is measured: at once, then at growing distances, in calm moments. */
export class ProbeSchedule {
  readonly #o: ProbeScheduleOptions
  readonly #sinceMs: number
  #runs = 0
  #newsLeft = MAX_NEWS
  #stopped = false
  #running = false
  /** Looks in a row for which there was no good moment. */
  #putOffs = 0
  /** News came while a measurement was under way: that one is worth little. */
  #again = false
  #cancel: () => void = () => {}

  constructor(options: ProbeScheduleOptions) {
    this.#o = options
    this.#sinceMs = options.clock.now()
    this.#next()
  }

  /** One end of the link has measured its own speed anew: what was measured beside that is not to be trusted. */
  news(): void {
    if (this.#stopped || this.#newsLeft === 0) return
    if (this.#running) {
      this.#again = true
      return
    }
    this.#newsLeft--
    this.#cancel()
    this.#cancel = this.#o.clock.after(AFTER_NEWS_MS, () => this.#whenCalm(TRIES.early, 'thorough'))
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #next(): void {
    const { clock, random } = this.#o
    const run = this.#runs++
    const at = PROBE_AT_MS[run]
    if (at === 0) {
      void this.#measure('first')
      return
    }
    const pauseMs = at === undefined ? PROBE_EVERY_MS : this.#sinceMs + at - clock.now()
    const spreadMs = Math.max(0, pauseMs) * (1 + SPREAD * random.next())
    const tries = run <= 2 ? TRIES.early : TRIES.late
    this.#cancel = clock.after(spreadMs, () => this.#whenCalm(tries, run <= 3 ? 'thorough' : 'look'))
  }

  /** Listens for a moment: no transfer, and a thread that answers in time. */
  #whenCalm(tries: number, kind: ProbeKind): void {
    if (this.#stopped) return
    if (kind === 'look' && this.#o.known()) {
      this.#putOffs = 0
      this.#next()
      return
    }
    const { clock } = this.#o
    const sinceMs = clock.now()
    this.#cancel = clock.after(LISTEN_MS, () => {
      const lateMs = clock.now() - sinceMs - LISTEN_MS
      const isCalm = this.#o.calm() && lateMs < LATE_MS
      if (isCalm) void this.#measure(kind)
      else if (tries > 1) this.#whenCalm(tries - 1, kind)
      else if (kind !== 'look') void this.#measure(kind)
      else this.#putOff()
    })
  }

  async #measure(kind: ProbeKind): Promise<void> {
    this.#running = true
    // In its own turn: the owner of a fresh link first has to know it.
    await Promise.resolve()
    if (this.#stopped) return
    const measured = await this.#o.probe(kind)
    this.#running = false
    if (this.#stopped) return
    if (!measured) {
      const hasNews = this.#again && this.#newsLeft > 0
      this.#again = false
      if (hasNews) this.news()
      else this.#putOff()
      return
    }
    this.#putOffs = 0
    this.#next()
    if (!this.#again) return
    this.#again = false
    this.news()
  }

  /** Looks later, and when that has happened often enough all the same now. */
  #putOff(): void {
    if (this.#putOffs >= MOST_PUT_OFF) {
      void this.#measure('forced')
      return
    }
    this.#putOffs++
    this.#cancel = this.#o.clock.after(PUT_OFF_MS, () => this.#whenCalm(TRIES.early, 'look'))
  }
}
