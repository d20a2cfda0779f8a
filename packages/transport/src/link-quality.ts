/** Weight of the newest measurement: a link's figures drift, they do not jump. */
const DRIFT = 0.3
/** A change below this share is not worth telling the room. */
const TELL_SHARE = 0.2
const TELL_MS = 2

/** The running figures of one link, and when a change is worth telling the room. */
export class LinkQuality {
  rttMs: number | undefined
  mbitPerSecond: number | undefined
  #toldRttMs = Number.NaN
  #toldMbit = Number.NaN

  /** True when the room should hear of it. */
  roundTrip(rttMs: number): boolean {
    this.rttMs = drift(this.rttMs, rttMs)
    return this.#worthTelling()
  }

  rate(mbitPerSecond: number): boolean {
    this.mbitPerSecond = drift(this.mbitPerSecond, mbitPerSecond)
    return this.#worthTelling()
  }

  #worthTelling(): boolean {
    const { rttMs, mbitPerSecond } = this
    const rttStays = rttMs === undefined || Math.abs(rttMs - this.#toldRttMs) <= Math.max(TELL_MS, TELL_SHARE * rttMs)
    const rateStays =
      mbitPerSecond === undefined || Math.abs(mbitPerSecond - this.#toldMbit) <= TELL_SHARE * mbitPerSecond
    if (rttStays && rateStays) return false
    this.#toldRttMs = rttMs ?? Number.NaN
    this.#toldMbit = mbitPerSecond ?? Number.NaN
    return true
  }
}

const drift = (before: number | undefined, now: number): number =>
  before === undefined ? now : before + DRIFT * (now - before)
