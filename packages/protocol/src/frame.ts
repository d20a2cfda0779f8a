import { ProtocolError } from './error.ts'
import { checkParted } from './guard.ts'
import type { PeerMessage } from './peer.ts'
import { readU32, writeU32 } from './u32.ts'

/*
 * A message on the wire, little-endian:
 *   u32 jsonBytes | u32 0 | JSON (UTF-8, padded with spaces to 8) | blob 0, padded with zeros to 8 | blob 1 ...
 * The JSON is `{ "m": message without blobs, "b": [length of each blob] }`. Every blob starts at a multiple of 8 bytes, so
 * a decoded message's blobs can be viewed as any typed array without a copy.
 */

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
  const { blobs = [] } = message.body as { blobs?: readonly Uint8Array[] }
  // JSON leaves out what is undefined; a copy without the key costs several times as much.
  return { json: { ...message, body: { ...message.body, blobs: undefined } }, blobs }
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
