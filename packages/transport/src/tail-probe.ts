import type { Clock } from '@roomful/core'
import { InFlight } from './in-flight.ts'
import { MessageStream } from './message-stream.ts'
import { NoticeDelay } from './notice-delay.ts'

/** dcSCTP sends a chunk again at once when this many acknowledgements have reported it missing (RFC 9260, section 7.2.4). */
const PROBES = 3
/** Probes leave so many round trips after the last message: by then an acknowledgement or an answer could be here. */
const WAIT_TRIPS = 2
/** Not before word of it could have come, and in good time before the browser's own timer. */
export const WORD_MS = 8
const LONGEST_WAIT_MS = 60
/** Of what waits for no room any more, so much may be on its way (56 full packets in Chromium), and that takes this long at most. */
const UNDER_WAY = { bytes: 64 << 10, ms: 40 }

/** How long after the last message its sender probes, if it was small and alone and nothing is known of how soon its peers tell. */
export function probeAfterMs(rttMs = 0): number {
  return Math.min(LONGEST_WAIT_MS, Math.max(rttMs + WORD_MS, WAIT_TRIPS * rttMs))
}

export interface TailProbeOptions {
  readonly clock: Clock
  readonly rttMs: () => number | undefined
  /** Whether the way to the peer loses something, as far as the peer knows. */
  readonly isLossy: () => boolean
  /** What has fewer bytes under way loses nothing. */
  readonly leastBytes: () => number
  /** What the way carries, in 10^6 bits per second, where known. */
  readonly mbitPerSecond: () => number | undefined
  /** Counts what the peer has sent on the messages' channel. */
  readonly arrivals: () => number
  /** Whether the peer has told that everything that has left has arrived. */
  readonly isDelivered: () => boolean
  /** Messages still wait for the wire: probes would overtake them. */
  readonly isSending: () => boolean
  /** Sends one small datagram that no one waits for, over every association that messages take. */
  readonly probe: () => void
}

/**
 * Tail loss probes (after RFC 8985, section 7, for SCTP). What follows a lost datagram tells the sender of the loss within a
 * round trip; when nothing follows, since it was the end of a message, Chromium waits 220 ms and more. So where a way loses
 * datagrams, three small ones follow a message that nothing else has followed, nothing has answered, and of which the peer has not
 * told that it is there (word-of-arrival.ts), for as long as such word usually takes between these two (notice-delay.ts).
 */
export class TailProbe {
  readonly #o: TailProbeOptions
  readonly #inFlight = new InFlight()
  readonly #stream = new MessageStream()
  readonly #notice = new NoticeDelay()
  /** The end of the last message has left, and nothing has told that it is there. */
  #awaits = false
  #sentAtMs = Number.NEGATIVE_INFINITY
  #arrivalsThen = 0
  #armed = false
  #cancel: () => void = () => {}

  constructor(options: TailProbeOptions) {
    this.#o = options
  }

  /** A message was handed over. */
  sent(nowMs: number, bytes: number): void {
    // What came just now may not have been told of yet.
    this.heard(nowMs)
    this.#sentAtMs = nowMs
    const arrivals = this.#o.arrivals()
    if (arrivals !== this.#arrivalsThen) this.#inFlight.answered()
    this.#arrivalsThen = arrivals
    this.#inFlight.add(nowMs, bytes)
    this.#stream.add(nowMs)
    // Of the rest nobody tells.
    this.#awaits = this.#inFlight.bytes >= this.#o.leastBytes() && this.#o.isLossy()
    if (this.#armed || !this.#awaits) return
    this.#arm(this.#waitMs())
  }

  /** The peer has said something. */
  heard(nowMs: number): void {
    if (!this.#awaits || !this.#isThere) return
    this.#awaits = false
    this.#notice.add(nowMs - this.#sentAtMs)
  }

  stop(): void {
    // From now on one is always set.
    this.#armed = true
    this.#cancel()
  }

  /** One timer, however many messages: it is set anew only when it has come. */
  #arm(waitMs: number): void {
    this.#armed = true
    this.#cancel = this.#o.clock.after(waitMs, () => {
      this.#armed = false
      this.#look()
    })
  }

  /** Most likely a peer that has sent something since has what was sent before; all that has left may be there while the rest waits for the wire. */
  get #isThere(): boolean {
    return this.#o.arrivals() !== this.#arrivalsThen || (!this.#o.isSending() && this.#o.isDelivered())
  }

  #look(): void {
    if (this.#isThere) return
    const isSending = this.#o.isSending()
    const waitMs = this.#waitMs()
    const leftMs = this.#sentAtMs + waitMs - this.#o.clock.now()
    if (leftMs > 1) this.#arm(leftMs)
    else if (isSending) this.#arm(waitMs)
    else for (let count = 0; count < PROBES; count++) this.#o.probe()
  }

  #waitMs(): number {
    const bytesPerMs = (this.#o.mbitPerSecond() ?? Number.POSITIVE_INFINITY) * 125
    const carryMs = Math.min(UNDER_WAY.ms, Math.min(UNDER_WAY.bytes, this.#inFlight.bytes) / bytesPerMs)
    const soonestMs = probeAfterMs(this.#o.rttMs()) + carryMs
    return Math.max(soonestMs, this.#notice.usualMs + WORD_MS) + this.#stream.nextWithinMs
  }
}
