/** Weight of the newest measurement: a link's figures drift, they do not jump. */
const DRIFT = 0.3
/** A change below this share is not worth telling the room. */
const TELL_SHARE = 0.15
const TELL_MS = 1

/** The running figures of one link, and when a change is worth telling. Round trips are medians already. */
export class LinkQuality {
  rttMs: number | undefined
  mbitPerSecond: number | undefined
  #toldRttMs = Number.NaN
  #toldMbit = Number.NaN

  /** True when the room should hear of it. */
  roundTrip(rttMs: number): boolean {
    this.rttMs = rttMs
    return this.#worthTelling()
  }

  rate(mbitPerSecond: number): boolean {
    const before = this.mbitPerSecond
    this.mbitPerSecond = before === undefined ? mbitPerSecond : before + DRIFT * (mbitPerSecond - before)
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
