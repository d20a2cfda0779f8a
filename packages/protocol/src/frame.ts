import { ProtocolError } from './error.ts'
import { checkParted } from './guard.ts'
import type { PeerMessage } from './peer.ts'

/*
 * A message on the wire, little-endian:
 *   u32 jsonBytes | u32 0 | JSON (UTF-8, padded with spaces to 8) | blob 0, padded with zeros to 8 | blob 1 ...
 * The JSON is `{ "m": message without blobs, "b": [length of each blob] }`. Every blob starts at a multiple of 8 bytes, so
 * a decoded message's blobs can be viewed as any typed array without a copy.
 *
 * A slice on the wire, little-endian, 16 bytes of header and then payload:
 *   u8 magic | u8 kind (0 data, 1 drop) | u8 priority | u8 0 | u32 messageId | u32 offset | u32 total
 * Slices of different messages may be interleaved; those of one message stay in order (the channel is reliable and
 * ordered). `drop` tells the receiver to forget a message that its sender gave up.
 */

const MAGIC = 0x52
export const SLICE_HEADER_BYTES = 16
const MESSAGE_HEADER_BYTES = 8
/** Longest JSON part of a message. */
export const MAX_JSON_BYTES = 1024 * 1024
/** Longest message that a decoder accepts unless told otherwise. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

const align = (bytes: number) => (bytes + 7) & ~7
const SPACE = 0x20
// Kept: making one costs more than using it on a small message.
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** A message ready to be sliced: its parts in order, not yet copied together. */
export interface EncodedMessage {
  readonly parts: readonly Uint8Array[]
  readonly bytes: number
}

/**
 * The wire form of a message. Blobs are referenced, not copied: do not change them before the last slice is made.
 * @throws ProtocolError `too-large`
 */
export function encodeMessage(message: PeerMessage): EncodedMessage {
  const { json: bare, blobs } = withoutBlobs(message)
  const head = headOf(JSON.stringify({ m: bare, b: blobs.map((blob) => blob.byteLength) }))
  const jsonBytes = head.byteLength - MESSAGE_HEADER_BYTES
  if (jsonBytes > MAX_JSON_BYTES) {
    throw new ProtocolError(
      'too-large',
      `the control part of a message has ${jsonBytes} bytes, at most ${MAX_JSON_BYTES}`,
    )
  }
  writeU32(head, 0, jsonBytes)
  const parts: Uint8Array[] = [head]
  for (const blob of blobs) {
    parts.push(blob)
    const padding = align(blob.byteLength) - blob.byteLength
    if (padding > 0) parts.push(new Uint8Array(padding))
  }
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0)
  if (bytes > MAX_MESSAGE_BYTES) {
    throw new ProtocolError('too-large', `a message has ${bytes} bytes, at most ${MAX_MESSAGE_BYTES}`)
  }
  return { parts, bytes }
}

/** Room for the header, then the text, padded. */
function headOf(text: string): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(MESSAGE_HEADER_BYTES + align(text.length))
  const { read, written } = encoder.encodeInto(text, head.subarray(MESSAGE_HEADER_BYTES))
  if (read === text.length) return head.fill(SPACE, MESSAGE_HEADER_BYTES + written)
  // Characters beyond ASCII take more bytes than one each.
  const bytes = encoder.encode(text)
  const longer = new Uint8Array(MESSAGE_HEADER_BYTES + align(bytes.byteLength)).fill(SPACE, MESSAGE_HEADER_BYTES)
  longer.set(bytes, MESSAGE_HEADER_BYTES)
  return longer
}

function withoutBlobs(message: PeerMessage): { json: object; blobs: readonly Uint8Array[] } {
  if (!('body' in message) || typeof message.body !== 'object' || message.body === null) {
    return { json: message, blobs: [] }
  }
  const { blobs = [], ...body } = message.body as { blobs?: readonly Uint8Array[] }
  return { json: { ...message, body }, blobs }
}

/**
 * The message in `bytes` (a whole message, as `Reassembler` returns it), checked by the guards. Blobs are views of
 * `bytes`.
 * @throws ProtocolError `malformed`
 */
export function decodeMessage(bytes: Uint8Array): PeerMessage {
  try {
    const { message, blobs } = split(bytes)
    return checkParted(message, blobs)
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    throw new ProtocolError('malformed', 'a message cannot be read', { cause: error })
  }
}

function split(bytes: Uint8Array): { message: unknown; blobs: Uint8Array[] } {
  if (bytes.byteLength < MESSAGE_HEADER_BYTES) throw new ProtocolError('malformed', 'a message is too short')
  const jsonBytes = readU32(bytes, 0)
  if (readU32(bytes, 4) !== 0 || jsonBytes % 8 !== 0 || jsonBytes > MAX_JSON_BYTES) {
    throw new ProtocolError('malformed', 'a message has an unknown header')
  }
  let offset = MESSAGE_HEADER_BYTES + jsonBytes
  if (offset > bytes.byteLength) throw new ProtocolError('malformed', 'a message ends before its control part')
  const text = decoder.decode(bytes.subarray(MESSAGE_HEADER_BYTES, offset))
  const envelope: unknown = JSON.parse(text)
  if (typeof envelope !== 'object' || envelope === null || !('m' in envelope) || !('b' in envelope)) {
    throw new ProtocolError('malformed', 'a message has no envelope')
  }
  if (!Array.isArray(envelope.b)) throw new ProtocolError('malformed', 'a message names no blobs')
  const blobs: Uint8Array[] = []
  for (const length of envelope.b as unknown[]) {
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || offset + length > bytes.byteLength) {
      throw new ProtocolError('malformed', 'a blob lies outside its message')
    }
    blobs.push(bytes.subarray(offset, offset + length))
    offset += align(length)
  }
  if (offset !== bytes.byteLength) throw new ProtocolError('malformed', 'a message is longer or shorter than its parts')
  return { message: envelope.m, blobs }
}

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
 * Cuts a message into slices of at most `maxSliceBytes` (header included). Lazy, so that a sender can interleave the
 * slices of several messages and stop early; each slice is a buffer of its own.
 */
export function* slicesOf(
  message: EncodedMessage,
  options: { messageId: number; priority: number; maxSliceBytes: number },
): Generator<Uint8Array<ArrayBuffer>, void, void> {
  const room = options.maxSliceBytes - SLICE_HEADER_BYTES
  if (room < 1) throw new RangeError(`maxSliceBytes must exceed the header's ${SLICE_HEADER_BYTES} bytes`)
  const cursor = { part: 0, at: 0 }
  for (let offset = 0; offset < message.bytes; ) {
    const length = Math.min(room, message.bytes - offset)
    const slice = new Uint8Array(SLICE_HEADER_BYTES + length)
    writeHeader(slice, { ...options, offset, total: message.bytes, kind: 'data' })
    copyNext(message.parts, cursor, slice.subarray(SLICE_HEADER_BYTES))
    offset += length
    yield slice
  }
}

/** The whole message as one slice. */
export function onlySlice(
  message: EncodedMessage,
  options: { messageId: number; priority: number },
): Uint8Array<ArrayBuffer> {
  const slice = new Uint8Array(SLICE_HEADER_BYTES + message.bytes)
  writeHeader(slice, { ...options, offset: 0, total: message.bytes, kind: 'data' })
  let at = SLICE_HEADER_BYTES
  for (const part of message.parts) {
    slice.set(part, at)
    at += part.byteLength
  }
  return slice
}

function copyNext(parts: readonly Uint8Array[], cursor: { part: number; at: number }, into: Uint8Array): void {
  for (let filled = 0; filled < into.byteLength; ) {
    const part = parts[cursor.part]
    if (part === undefined) return
    const piece = part.subarray(cursor.at, cursor.at + into.byteLength - filled)
    into.set(piece, filled)
    filled += piece.byteLength
    cursor.at += piece.byteLength
    if (cursor.at >= part.byteLength) {
      cursor.part++
      cursor.at = 0
    }
  }
}

/** A slice that makes the receiver forget a message of which some slices were sent and no more will follow. */
export function dropSlice(messageId: number): Uint8Array<ArrayBuffer> {
  const slice = new Uint8Array(SLICE_HEADER_BYTES)
  writeHeader(slice, { messageId, priority: 0, offset: 0, total: 0, kind: 'drop' })
  return slice
}

function writeHeader(slice: Uint8Array, header: SliceHeader): void {
  slice[0] = MAGIC
  slice[1] = header.kind === 'drop' ? 1 : 0
  slice[2] = header.priority
  writeU32(slice, 4, header.messageId)
  writeU32(slice, 8, header.offset)
  writeU32(slice, 12, header.total)
}

// Little-endian. A DataView for every slice costs more than what it reads.
function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** The bytes must be there. */
function readU32(bytes: Uint8Array, at: number): number {
  const byte = (i: number) => bytes[at + i] ?? 0
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0
}

/**
 * The header and payload of a slice; the payload is a view.
 * @throws ProtocolError `malformed`
 */
export function readSlice<B extends ArrayBufferLike>(
  slice: Uint8Array<B>,
): { header: SliceHeader; payload: Uint8Array<B> } {
  if (slice.byteLength < SLICE_HEADER_BYTES) throw new ProtocolError('malformed', 'a slice is shorter than its header')
  const { 0: magic, 1: kind = 0, 2: priority = 0, 3: zero } = slice
  if (magic !== MAGIC || kind > 1 || zero !== 0) {
    throw new ProtocolError('malformed', 'a slice has an unknown header')
  }
  const header: SliceHeader = {
    kind: kind === 1 ? 'drop' : 'data',
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
