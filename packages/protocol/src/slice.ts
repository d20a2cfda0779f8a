import { ProtocolError } from './error.ts'
import type { EncodedMessage } from './frame.ts'
import { readU32, writeU32 } from './u32.ts'

/*
 * A slice on the wire, little-endian, 16 bytes of header and then payload:
 *   u8 magic | u8 kind (0 data, 1 drop) | u8 priority | u8 0 | u32 messageId | u32 offset | u32 total
 * Slices of different messages may be interleaved; those of one message stay in order (the channel is reliable and
 * ordered). `drop` tells the receiver to forget a message that its sender gave up.
 */

const MAGIC = 0x52
const DATA = 0
const DROP = 1
export const SLICE_HEADER_BYTES = 16

/** The header of one slice. */
export interface SliceHeader {
  readonly messageId: number
  /** 0..255; the receiver only passes it on. */
  readonly priority: number
  readonly offset: number
  readonly total: number
  readonly kind: 'data' | 'drop'
}

/**
 * Cuts a message into slices of at most `maxSliceBytes` (header included), one at a time, so that a sender can interleave
 * the slices of several messages and stop early. Runs once per slice of everything that is sent: no generator, no object
 * beside the slice.
 */
export class SliceCutter implements Iterable<Uint8Array<ArrayBuffer>> {
  readonly #message: EncodedMessage
  readonly #messageId: number
  readonly #priority: number
  readonly #room: number
  #offset = 0
  #part = 0
  #at = 0

  /** @throws RangeError when a slice has no room for payload */
  constructor(message: EncodedMessage, options: { messageId: number; priority: number; maxSliceBytes: number }) {
    this.#message = message
    this.#messageId = options.messageId
    this.#priority = options.priority
    this.#room = options.maxSliceBytes - SLICE_HEADER_BYTES
    if (this.#room < 1) throw new RangeError(`maxSliceBytes must exceed the header's ${SLICE_HEADER_BYTES} bytes`)
  }

  /** Of the next slice, header included; 0 when the message is over. */
  get nextBytes(): number {
    const left = this.#message.bytes - this.#offset
    return left === 0 ? 0 : SLICE_HEADER_BYTES + Math.min(this.#room, left)
  }

  /**
   * Undefined when the message is over. The slice lies at the beginning of `into`, which must be long enough and may be used
   * for slice after slice; without it, it is a buffer of its own.
   */
  next(into?: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
    const { bytes } = this.#message
    const length = Math.min(this.#room, bytes - this.#offset)
    if (length <= 0) return undefined
    const slice = sliceIn(into, SLICE_HEADER_BYTES + length)
    writeHeader(slice, DATA, this.#priority, this.#messageId, this.#offset, bytes)
    this.#fill(slice)
    this.#offset += length
    return slice
  }

  *[Symbol.iterator](): Generator<Uint8Array<ArrayBuffer>, void, void> {
    for (let slice = this.next(); slice !== undefined; slice = this.next()) yield slice
  }

  #fill(slice: Uint8Array): void {
    const { parts } = this.#message
    for (let filled = SLICE_HEADER_BYTES; filled < slice.byteLength; ) {
      const part = parts[this.#part]
      if (part === undefined) return
      const until = Math.min(part.byteLength, this.#at + slice.byteLength - filled)
      slice.set(this.#at === 0 && until === part.byteLength ? part : part.subarray(this.#at, until), filled)
      filled += until - this.#at
      this.#at = until
      if (until < part.byteLength) continue
      this.#part++
      this.#at = 0
    }
  }
}

const sliceIn = (into: Uint8Array<ArrayBuffer> | undefined, bytes: number): Uint8Array<ArrayBuffer> =>
  into === undefined ? new Uint8Array(bytes) : into.subarray(0, bytes)

/** The whole message as one slice, at the beginning of `into` or in a buffer of its own. */
export function onlySlice(
  message: EncodedMessage,
  options: { messageId: number; priority: number },
  into?: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const slice = sliceIn(into, SLICE_HEADER_BYTES + message.bytes)
  writeHeader(slice, DATA, options.priority, options.messageId, 0, message.bytes)
  let at = SLICE_HEADER_BYTES
  for (const part of message.parts) {
    slice.set(part, at)
    at += part.byteLength
  }
  return slice
}

/** A slice that makes the receiver forget a message of which some slices were sent and no more will follow. */
export function dropSlice(messageId: number): Uint8Array<ArrayBuffer> {
  const slice = new Uint8Array(SLICE_HEADER_BYTES)
  writeHeader(slice, DROP, 0, messageId, 0, 0)
  return slice
}

function writeHeader(
  slice: Uint8Array,
  kind: number,
  priority: number,
  messageId: number,
  offset: number,
  total: number,
): void {
  slice[0] = MAGIC
  slice[1] = kind
  slice[2] = priority
  slice[3] = 0
  writeU32(slice, 4, messageId)
  writeU32(slice, 8, offset)
  writeU32(slice, 12, total)
}

/**
 * The header and payload of a slice; the payload is a view.
 * @throws ProtocolError `malformed`
 */
export function readSlice<B extends ArrayBufferLike>(
  slice: Uint8Array<B>,
): { header: SliceHeader; payload: Uint8Array<B> } {
  if (slice.byteLength < SLICE_HEADER_BYTES) throw new ProtocolError('malformed', 'a slice is shorter than its header')
  const { 0: magic, 1: kind = DATA, 2: priority = 0, 3: zero } = slice
  if (magic !== MAGIC || kind > DROP || zero !== 0) {
    throw new ProtocolError('malformed', 'a slice has an unknown header')
  }
  const header: SliceHeader = {
    kind: kind === DROP ? 'drop' : 'data',
    priority,
    messageId: readU32(slice, 4),
    offset: readU32(slice, 8),
    total: readU32(slice, 12),
  }
  const payload = slice.subarray(SLICE_HEADER_BYTES)
  const fits =
    header.kind === 'drop'
      ? payload.byteLength === 0
      : payload.byteLength > 0 && header.offset + payload.byteLength <= header.total
  if (!fits) throw new ProtocolError('malformed', 'a slice does not fit its message')
  return { header, payload }
}
