import { ProtocolError } from './error.ts'
import { MAX_MESSAGE_BYTES } from './frame.ts'
import { readSlice } from './slice.ts'

export interface ReassemblerOptions {
  /** Longest message, in bytes; default 16 MiB. */
  readonly maxMessageBytes?: number
  /** Most messages that may be incomplete at once; default 64. */
  readonly maxPartialMessages?: number
  /** Most bytes that incomplete messages may claim together; default 64 MiB. A message counts with its whole length. */
  readonly maxPartialBytes?: number
}

export interface WholeMessage {
  readonly messageId: number
  readonly priority: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface Partial {
  readonly bytes: Uint8Array<ArrayBuffer>
  received: number
}

/**
 * Puts the slices of one peer together. One instance per reliable, ordered channel; holds nothing but incomplete
 * messages. After an error the channel cannot be trusted any more: close it.
 */
export class Reassembler {
  readonly #partial = new Map<number, Partial>()
  readonly #maxMessageBytes: number
  readonly #maxPartialMessages: number
  readonly #maxPartialBytes: number
  #claimed = 0

  constructor(options: ReassemblerOptions = {}) {
    this.#maxMessageBytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES
    this.#maxPartialMessages = options.maxPartialMessages ?? 64
    this.#maxPartialBytes = options.maxPartialBytes ?? 64 * 1024 * 1024
  }

  /** Messages begun and not yet complete. */
  get partialMessages(): number {
    return this.#partial.size
  }

  /** Bytes that incomplete messages claim. */
  get partialBytes(): number {
    return this.#claimed
  }

  /**
   * Takes the next slice, which must not change any more; returns the message that it completes. A message in one slice
   * is a view of it, others are put together in a buffer of their own.
   * @throws ProtocolError `malformed` (out of order, contradicting lengths) or `too-large` (beyond a bound)
   */
  push(slice: Uint8Array<ArrayBuffer>): WholeMessage | undefined {
    const { header, payload } = readSlice(slice)
    if (header.kind === 'drop') {
      this.#forget(header.messageId)
      return undefined
    }
    // Blobs are viewed as any typed array, so they have to lie at multiples of 8.
    const isWhole = payload.byteLength === header.total && payload.byteOffset % 8 === 0
    if (isWhole && header.total <= this.#maxMessageBytes && !this.#partial.has(header.messageId)) {
      return { messageId: header.messageId, priority: header.priority, bytes: payload }
    }
    const partial = this.#partial.get(header.messageId) ?? this.#begin(header.messageId, header.offset, header.total)
    if (partial.received !== header.offset || partial.bytes.byteLength !== header.total) {
      throw new ProtocolError('malformed', `message ${header.messageId}: a slice is missing or contradicts the others`)
    }
    partial.bytes.set(payload, header.offset)
    partial.received += payload.byteLength
    if (partial.received < header.total) return undefined
    this.#forget(header.messageId)
    return { messageId: header.messageId, priority: header.priority, bytes: partial.bytes }
  }

  /** Forgets every incomplete message (the link is gone). */
  clear(): void {
    this.#partial.clear()
    this.#claimed = 0
  }

  #begin(messageId: number, offset: number, total: number): Partial {
    if (offset !== 0) throw new ProtocolError('malformed', `message ${messageId} does not begin at its beginning`)
    if (total > this.#maxMessageBytes) {
      throw new ProtocolError('too-large', `a message of ${total} bytes, at most ${this.#maxMessageBytes}`)
    }
    if (this.#partial.size >= this.#maxPartialMessages || this.#claimed + total > this.#maxPartialBytes) {
      throw new ProtocolError(
        'too-large',
        `${this.#partial.size} incomplete messages claim ${this.#claimed} bytes already`,
      )
    }
    const partial = { bytes: new Uint8Array(total), received: 0 }
    this.#partial.set(messageId, partial)
    this.#claimed += total
    return partial
  }

  #forget(messageId: number): void {
    const partial = this.#partial.get(messageId)
    if (partial === undefined) return
    this.#partial.delete(messageId)
    this.#claimed -= partial.bytes.byteLength
  }
}
