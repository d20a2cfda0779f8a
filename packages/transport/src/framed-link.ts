import type { Clock } from '@roomful/core'
import { decodeMessage, encodeMessage, type PeerMessage, Reassembler } from '@roomful/protocol'
import type { ByteChannel } from './channel.ts'
import { asTransportError } from './errors.ts'
import { FlowControlledChannel, type FlowLimits } from './flow-controlled-channel.ts'
import type { LinkSendOptions, MessageLink } from './message-link.ts'
import { TransportError } from './room.ts'
import { SendWindow, TELL_EVERY_BYTES } from './send-window.ts'
import { type RateSample, TransferMeter } from './transfer-meter.ts'

/** A sign of life is told on at most this often: a thousand slices a second say no more. */
const ALIVE_MS = 20
/** Messages below this (control, gossip) leave a link idle. */
const LARGE_BYTES = 8 << 10
/** Large messages that follow one another so soon are a stream. */
const STREAM_MS = 10
/** Heads of feature notices have 70 to 170 bytes, more with many exits. */
const HEAD_BYTES = 512

export interface FramedLinkOptions {
  readonly channel: ByteChannel
  readonly clock: Clock
  readonly onMessage: (message: PeerMessage) => void
  /** A whole message that cannot be read or breaks the rules; the link goes on. */
  readonly onOffence: (error: TransportError) => void
  /** The link ended: closed from either side, or broken framing (nothing after it can be trusted). */
  readonly onClose: (error: TransportError) => void
  /** Called for what arrives, a slice at a time or the next one 20 ms later: the peer lives. */
  readonly onBytes?: () => void
  /** A message was handed over, or waits for room. */
  readonly onSent?: (bytes: number) => void
  /** A message has come, and no other is half here. */
  readonly onWhole?: (bytes: number) => void
  /** A passive measurement of the incoming direction. */
  readonly onRate?: (sample: RateSample) => void
  /** Round trip of the idle link, where known. */
  readonly idleRttMs?: () => number | undefined
  /** What the link carries from here, in 10^6 bits per second, where known. */
  readonly sendMbit?: () => number | undefined
  /** Much has come: the peer should hear how much, it waits for that. Where this is missing no window holds what is sent. */
  readonly tell?: () => void
  readonly limits?: FlowLimits
}

/** Messages over one byte channel: framing, flow control, reassembly and guards. */
export class FramedLink implements MessageLink {
  readonly #channel: ByteChannel
  readonly #flow: FlowControlledChannel
  readonly #reassembler = new Reassembler()
  readonly #options: FramedLinkOptions
  readonly #meter: TransferMeter
  #lastLargeMs = Number.NEGATIVE_INFINITY
  /** When a large message last left, and `#received` then. */
  #sentLargeMs = Number.NEGATIVE_INFINITY
  #receivedThen = 0
  #aliveMs = Number.NEGATIVE_INFINITY
  /** Where heads lie: a buffer for each costs more than filling it. */
  #head = new Uint8Array(HEAD_BYTES)
  #received = 0
  #receivedBytes = 0
  #toldBytes = 0
  #closed = false

  constructor(options: FramedLinkOptions) {
    this.#options = options
    this.#channel = options.channel
    const rttMs = () => options.idleRttMs?.()
    const mbitPerSecond = () => options.sendMbit?.()
    this.#flow = new FlowControlledChannel(
      options.channel,
      options.limits,
      () => ({ rttMs: rttMs(), mbitPerSecond: mbitPerSecond(), inStream: this.#isInStream() }),
      options.tell === undefined ? undefined : new SendWindow({ rttMs, mbitPerSecond }),
    )
    this.#meter = new TransferMeter(options.clock, options.onRate ?? (() => {}), options.idleRttMs)
    options.channel.onMessage = (bytes) => this.#receive(bytes)
    options.channel.onClose = (reason) => this.#end(new TransportError('disconnected', reason))
  }

  /** Messages are under way, or were `withinMs` ago: what is measured now would be measured beside them. */
  busy(withinMs: number): boolean {
    const isMoving = this.#reassembler.partialMessages > 0 || this.#flow.queuedBytes > 0
    return isMoving || this.#options.clock.now() - this.#lastLargeMs < withinMs
  }

  /** Bytes of messages that are not on the wire yet. */
  get unsentBytes(): number {
    return this.#flow.queuedBytes + this.#channel.bufferedAmount
  }

  /** Slices that have come, and that were handed to the channel. */
  get slices(): { readonly received: number; readonly receivedBytes: number; readonly sent: number } {
    return { received: this.#received, receivedBytes: this.#receivedBytes, sent: this.#flow.slicesSent }
  }

  send(message: PeerMessage, options: LinkSendOptions): Promise<void> | undefined {
    try {
      const encoded = encodeMessage(message, this.#head)
      const accepted = this.#flow.send(encoded, options.priority, options.signal)
      // What waits keeps its head.
      if (accepted !== undefined) this.#head = new Uint8Array(HEAD_BYTES)
      if (this.#moved(encoded.bytes)) {
        this.#sentLargeMs = this.#lastLargeMs
        this.#receivedThen = this.#received
      }
      // The message first, the books after.
      this.#options.onSent?.(encoded.bytes)
      return accepted
    } catch (error) {
      return Promise.reject(asTransportError(error))
    }
  }

  /** By the peer's word, so many slices have come there. */
  arrived(slices: number): void {
    if (!this.#closed) this.#flow.arrived(slices)
  }

  close(): void {
    this.#end(new TransportError('disconnected', 'the link was closed'))
  }

  #receive(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return
    this.#received++
    this.#receivedBytes += bytes.byteLength
    let whole: Uint8Array | undefined
    try {
      whole = this.#reassembler.push(bytes)?.bytes
    } catch (error) {
      this.#end(asTransportError(error) as TransportError)
      return
    }
    // What waits for the message comes first, the books after.
    const isPartial = this.#reassembler.partialMessages > 0
    if (whole !== undefined) this.#deliver(whole)
    const nowMs = this.#meter.received(bytes.byteLength, isPartial)
    if (whole !== undefined && !isPartial) this.#options.onWhole?.(whole.byteLength)
    this.#tell()
    if (nowMs - this.#aliveMs < ALIVE_MS) return
    this.#aliveMs = nowMs
    this.#options.onBytes?.()
  }

  #deliver(whole: Uint8Array): void {
    this.#moved(whole.byteLength)
    let message: PeerMessage
    try {
      message = decodeMessage(whole)
    } catch (error) {
      this.#options.onOffence(asTransportError(error) as TransportError)
      return
    }
    this.#options.onMessage(message)
  }

  #tell(): void {
    if (this.#receivedBytes - this.#toldBytes < TELL_EVERY_BYTES || this.#closed) return
    this.#toldBytes = this.#receivedBytes
    this.#options.tell?.()
  }

  /** Returns whether it is large. */
  #moved(bytes: number): boolean {
    if (bytes < LARGE_BYTES) return false
    this.#lastLargeMs = this.#options.clock.now()
    return true
  }

  #isInStream(): boolean {
    return this.#received === this.#receivedThen && this.#options.clock.now() - this.#sentLargeMs < STREAM_MS
  }

  #end(error: TransportError): void {
    if (this.#closed) return
    this.#closed = true
    this.#reassembler.clear()
    this.#flow.close(error)
    this.#channel.close()
    this.#options.onClose(error)
  }
}
