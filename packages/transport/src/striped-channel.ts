import type { Clock } from '@roomful/core'
import type { ByteChannel } from './channel.ts'
import { Resequencer, WINDOW_BYTES } from './resequencer.ts'

/*
 * Frames of a channel with a second lane, little-endian, 8 bytes of header and then payload:
 *   u8 kind | u8 0 | u16 0 | u32 number
 * `numbered`: the payload is a message, `number` its place in the order of all. `got`: everything below `number` has come;
 * no payload. `note`: for the owner, out of order. A message without a frame begins with another byte (protocol/frame.ts)
 * and comes before all numbered ones. The first numbered frame takes the first lane, behind the last bare message.
 */
const KINDS = { numbered: 0x61, got: 0x62, note: 0x63 } as const
const HEADER_BYTES = 8
/** The receiver acknowledges at least this often: what the sender keeps for the case that a lane breaks. */
const ACKNOWLEDGE_EVERY = 16
/** And what came last at the latest after this long, so that silence means something. */
const ACKNOWLEDGE_MS = 200
/**
 * The second lane is stuck when its oldest frame is what the receiver waits for at this many looks in a row, 2 to 2.5 s
 * altogether. Looks are counted and not time, because after a pause of this page the acknowledgements still wait to be read.
 */
const STUCK_LOOKS = 4
const LOOK_MS = 500
/** What is sent again waits while the first lane has this much buffered: acknowledgements and urgent messages share it. */
const RESEND_BYTES = 128 << 10

interface Kept {
  /** Undefined: it went over the first lane, which breaks only together with the channel. */
  readonly frame: Uint8Array<ArrayBuffer> | undefined
  readonly bytes: number
}

/**
 * One ordered channel over one connection, or two: each brings a congestion window of its own. When the second breaks or
 * is stuck, what it had not delivered goes over the first.
 */
export class StripedChannel implements ByteChannel {
  onLow: (() => void) | undefined
  onMessage: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
  onClose: ((reason: string) => void) | undefined
  /** A note of the other end; see `note`. */
  onNote: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
  /** The second lane does not deliver, though nothing has closed it: the owner removes it. */
  onStuck: (() => void) | undefined
  readonly #clock: Clock
  readonly #first: ByteChannel
  #second: ByteChannel | undefined
  /** Frames not acknowledged, by number. */
  readonly #kept = new Map<number, Kept>()
  #keptBytes = 0
  /** Numbers of frames that the second lane swallowed and that have not left over the first, oldest first. */
  #resend: number[] = []
  #nextNumber = 0
  /** Of what comes in: told to the other end. */
  #acknowledged = 0
  readonly #order = new Resequencer((payload) => this.onMessage?.(payload))
  #cancelAcknowledge: (() => void) | undefined
  #cancelLook: (() => void) | undefined
  #oldest: number | undefined
  #looks = 0

  constructor(first: ByteChannel, clock: Clock) {
    this.#first = first
    this.#clock = clock
    first.onLow = () => this.#goOn()
    first.onMessage = (bytes) => this.#receive(bytes, true)
    first.onClose = (reason) => {
      this.#cancelAcknowledge?.()
      this.#closeSecond()
      this.onClose?.(reason)
    }
  }

  get lowWaterBytes(): number {
    return this.#first.lowWaterBytes
  }

  set lowWaterBytes(bytes: number) {
    this.#first.lowWaterBytes = bytes
  }

  /** Of both lanes; endless while too much is unacknowledged or older frames have to be sent again, until `onLow`. */
  get bufferedAmount(): number {
    if (this.#keptBytes > WINDOW_BYTES || this.#resend.length > 0) return Number.MAX_SAFE_INTEGER
    return this.#first.bufferedAmount + (this.#second?.bufferedAmount ?? 0)
  }

  /** Lanes in use. */
  get lanes(): number {
    return this.#second === undefined ? 1 : 2
  }

  /** What comes over the second lane; call before it opens. */
  listen(lane: ByteChannel): void {
    lane.lowWaterBytes = this.lowWaterBytes / 2
    lane.onLow = () => this.onLow?.()
    lane.onMessage = (bytes) => this.#receive(bytes, false)
  }

  /** The second lane is open: from now on messages take the emptier one. */
  add(lane: ByteChannel): void {
    this.#second = lane
  }

  /** The second lane broke. */
  remove(): void {
    if (this.#second === undefined) return
    this.#second = undefined
    this.#stopLooking()
    for (const [number, { frame }] of this.#kept) if (frame !== undefined) this.#resend.push(number)
    this.#goOn()
  }

  /** The first lane has room: for what has to be sent again, then for the owner. */
  #goOn(): void {
    try {
      while (this.#resend.length > 0) {
        if (this.#first.bufferedAmount > RESEND_BYTES) return
        const number = this.#resend.shift() ?? 0
        const kept = this.#kept.get(number)
        // It had come after all, and its acknowledgement later.
        if (kept?.frame === undefined) continue
        this.#first.send(kept.frame)
        this.#kept.set(number, { frame: undefined, bytes: kept.bytes })
      }
    } catch {
      // Neither lane is left.
      this.close()
      return
    }
    this.onLow?.()
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const second = this.#second
    // Numbers go on when the second lane is gone: the other end may still wait for some.
    if (second === undefined && this.#nextNumber === 0) {
      this.#first.send(bytes)
      return
    }
    const number = this.#nextNumber
    const frame = framed(KINDS.numbered, number, bytes)
    const isFirst = second === undefined || number === 0 || this.#first.bufferedAmount <= second.bufferedAmount
    this.#nextNumber++
    this.#kept.set(number, { frame: isFirst ? undefined : frame, bytes: frame.byteLength })
    this.#keptBytes += frame.byteLength
    if (isFirst) {
      this.#first.send(frame)
      return
    }
    this.#cancelLook ??= this.#clock.after(LOOK_MS, () => this.#look())
    try {
      second.send(frame)
    } catch {
      // It broke without a word: this frame goes with the others.
      this.remove()
    }
  }

  /** A small message to the other end's owner over the first lane; order does not matter. @throws when it is not open */
  note(bytes: Uint8Array): void {
    this.#first.send(framed(KINDS.note, 0, bytes))
  }

  close(): void {
    this.#cancelAcknowledge?.()
    this.#closeSecond()
    this.#first.close()
  }

  #closeSecond(): void {
    const second = this.#second
    this.#second = undefined
    this.#stopLooking()
    second?.close()
  }

  /** Whether the receiver still waits for the same frame of the second lane. */
  #look(): void {
    this.#cancelLook = undefined
    const [oldest] = this.#kept
    if (oldest === undefined) {
      this.#stopLooking()
      return
    }
    const [number, { frame }] = oldest
    this.#looks = frame !== undefined && number === this.#oldest ? this.#looks + 1 : 0
    this.#oldest = number
    if (this.#looks >= STUCK_LOOKS) this.onStuck?.()
    else this.#cancelLook = this.#clock.after(LOOK_MS, () => this.#look())
  }

  #stopLooking(): void {
    this.#cancelLook?.()
    this.#cancelLook = undefined
    this.#oldest = undefined
    this.#looks = 0
  }

  #receive(bytes: Uint8Array<ArrayBuffer>, isFirst: boolean): void {
    const kind = bytes[0]
    const isFrame = kind === KINDS.numbered || kind === KINDS.got || kind === KINDS.note
    if (!isFrame || bytes.byteLength < HEADER_BYTES) {
      if (isFirst) this.onMessage?.(bytes)
      return
    }
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true)
    const payload = bytes.subarray(HEADER_BYTES)
    if (kind === KINDS.note) this.onNote?.(payload)
    else if (kind === KINDS.got) this.#release(number)
    else this.#take(number, payload)
  }

  #take(number: number, payload: Uint8Array<ArrayBuffer>): void {
    try {
      this.#order.push(number, payload)
    } catch {
      this.close()
      return
    }
    if (this.#order.next - this.#acknowledged >= ACKNOWLEDGE_EVERY) this.#acknowledge()
    else this.#cancelAcknowledge ??= this.#clock.after(ACKNOWLEDGE_MS, () => this.#acknowledge())
  }

  #acknowledge(): void {
    this.#cancelAcknowledge?.()
    this.#cancelAcknowledge = undefined
    if (this.#order.next === this.#acknowledged) return
    this.#acknowledged = this.#order.next
    try {
      this.#first.send(framed(KINDS.got, this.#acknowledged, new Uint8Array()))
    } catch {
      // The channel has just closed: nobody waits for the word.
    }
  }

  #release(below: number): void {
    const wasFull = this.#keptBytes > WINDOW_BYTES
    for (const [number, { bytes }] of this.#kept) {
      if (number >= below) break
      this.#kept.delete(number)
      this.#keptBytes -= bytes
    }
    if (wasFull && this.#keptBytes <= WINDOW_BYTES) this.onLow?.()
  }
}

function framed(kind: number, number: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER_BYTES + payload.byteLength)
  frame[0] = kind
  new DataView(frame.buffer).setUint32(4, number, true)
  frame.set(payload, HEADER_BYTES)
  return frame
}
