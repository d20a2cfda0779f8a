import { align, readU32, writeU32 } from '@roomful/protocol'
import type { ByteChannel } from './channel.ts'

/*
 * A bundle, little-endian, 8 bytes of header and then its messages:
 *   u8 0x64 | u8 0 | u16 0 | u32 0 | (u32 bytes | u32 0 | message | zeros to a multiple of 8) ...
 * No other message begins with that byte (protocol/slice.ts, striped-channel.ts).
 */
const BUNDLE = 0x64
const HEADER_BYTES = 8
const MAX_BUNDLE_BYTES = 16 << 10
/** Longer messages gain nothing from company. */
const SMALL_BYTES = 5 << 10

/**
 * A channel that sends small messages together while larger amounts wait before them. Each message of a data channel
 * costs both browsers a way from thread to thread, whatever its size. While more than the low-water mark is buffered, a
 * small message would not leave yet anyway: it waits for company until the bundle is full, a larger message follows, or
 * the buffer has fallen to the mark. What finds less in the buffer leaves at once.
 */
export class BundlingChannel implements ByteChannel {
  onLow: (() => void) | undefined
  onMessage: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
  onClose: ((reason: string) => void) | undefined
  readonly #below: ByteChannel
  /** The channel copies what it is given, so one buffer serves all bundles. */
  readonly #bundle = new Uint8Array(MAX_BUNDLE_BYTES)
  #filled = HEADER_BYTES

  constructor(below: ByteChannel) {
    this.#below = below
    this.#bundle[0] = BUNDLE
    below.onLow = () => {
      try {
        this.#flush()
      } catch {
        // The channel has just closed, and says so itself.
        return
      }
      this.onLow?.()
    }
    below.onMessage = (bytes) => this.#receive(bytes)
    below.onClose = (reason) => this.onClose?.(reason)
  }

  get lowWaterBytes(): number {
    return this.#below.lowWaterBytes
  }

  set lowWaterBytes(bytes: number) {
    this.#below.lowWaterBytes = bytes
  }

  get bufferedAmount(): number {
    return this.#below.bufferedAmount + this.#filled - HEADER_BYTES
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const room = HEADER_BYTES + align(bytes.byteLength)
    if (this.#filled + room > MAX_BUNDLE_BYTES) this.#flush()
    if (bytes.byteLength > SMALL_BYTES || this.#below.bufferedAmount <= this.#below.lowWaterBytes) {
      this.#flush()
      this.#below.send(bytes)
      return
    }
    writeU32(this.#bundle, this.#filled, bytes.byteLength)
    this.#bundle.set(bytes, this.#filled + HEADER_BYTES)
    this.#filled += room
  }

  close(): void {
    this.#below.close()
  }

  #flush(): void {
    if (this.#filled === HEADER_BYTES) return
    const filled = this.#filled
    this.#filled = HEADER_BYTES
    this.#below.send(this.#bundle.subarray(0, filled))
  }

  #receive(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes[0] !== BUNDLE) {
      this.onMessage?.(bytes)
      return
    }
    for (let at = HEADER_BYTES; at + HEADER_BYTES < bytes.byteLength; ) {
      const from = at + HEADER_BYTES
      const until = from + readU32(bytes, at)
      if (until === from || until > bytes.byteLength) {
        // What follows cannot be told apart any more.
        this.close()
        return
      }
      // Receivers may give away the buffer of a message.
      this.onMessage?.(bytes.slice(from, until))
      at = align(until)
    }
  }
}
