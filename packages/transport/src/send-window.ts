/** What a sender may have under way on any link before it hears of the arrival. */
const LEAST_BYTES = 256 << 10
/** On a long and fast link so many times what the link holds: twice lets a rate that is known too low double. */
const LINK_FULLS = 2
/** Nothing needs more: what a link of 1 Gbit/s and 60 ms holds. */
const MOST_BYTES = 8 << 20
/** A receiver tells of arrivals each time so many bytes have come: twice in the smallest window, since a beat may be lost. */
export const TELL_EVERY_BYTES = 128 << 10

export interface SendWindowOptions {
  /** Round trip of the idle link, where known. */
  readonly rttMs: () => number | undefined
  /** What the link carries from here, in 10^6 bits per second, where known. */
  readonly mbitPerSecond: () => number | undefined
}

/**
 * Bounds what one sender has under way, counted in slices that the peer's beats acknowledge. SCTP's congestion window alone
 * grows with nothing to stop it on a short way until the 64 KiB between Chromium's renderer and its network process overflow, which on a
 * busy machine loses hundreds of datagrams at once. An acknowledgement names 20 gaps at most (dcSCTP), so what came behind them
 * is sent again and overflows anew; the association then crawls for ten seconds, a datagram per timer, and beats with it.
 */
export class SendWindow {
  readonly #o: SendWindowOptions
  /** Bytes of the slices that have not been acknowledged, oldest first. */
  readonly #slices: number[] = []
  #bytes = 0
  #arrived = 0

  constructor(options: SendWindowOptions) {
    this.#o = options
  }

  /** Bytes under way. */
  get bytes(): number {
    return this.#bytes
  }

  /** A slice longer than the window may go when nothing else is under way. */
  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= LEAST_BYTES || this.#bytes === 0 || this.#bytes + bytes <= this.#limitBytes()
  }

  /** A slice was handed over. */
  sent(bytes: number): void {
    this.#slices.push(bytes)
    this.#bytes += bytes
  }

  /** By the peer's word so many slices have come since the link began; older and impossible counts change nothing. */
  arrived(slices: number): void {
    const count = Math.min(slices - this.#arrived, this.#slices.length)
    if (!(count > 0)) return
    for (const bytes of this.#slices.splice(0, count)) this.#bytes -= bytes
    this.#arrived += count
  }

  #limitBytes(): number {
    const heldBytes = (this.#o.rttMs() ?? 0) * (this.#o.mbitPerSecond() ?? 0) * 125
    return Math.min(MOST_BYTES, LEAST_BYTES + LINK_FULLS * heldBytes)
  }
}
