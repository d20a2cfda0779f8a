import { ProtocolError } from './error.ts'
import { decodeFeatureHead, encodeFeatureHead, FEATURE_FORM } from './feature-head.ts'
import { checkParted } from './guard.ts'
import { align, MESSAGE_HEADER_BYTES, type MessageForm, messageHead } from './message-header.ts'
import type { PeerMessage } from './peer.ts'
import { readU32 } from './u32.ts'

/*
 * A message on the wire, little-endian:
 *   u32 bytes of the control part | u32 its form | control part | blob 0, padded with zeros to 8 | blob 1 ...
 * Form 0 is JSON, `{ "m": message without blobs, "b": [length of each blob] }`, UTF-8, padded with spaces to 8; form 1
 * is that of feature notices (feature-head.ts). Every blob starts at a multiple of 8 bytes, so a decoded message's blobs
 * can be viewed as any typed array without a copy.
 */

const JSON_FORM: MessageForm = 0
/** Longest control part of a message. */
export const MAX_CONTROL_BYTES = 1024 * 1024
/** Longest message that a decoder accepts unless told otherwise. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

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
 * The wire form of a message. Blobs are referenced, not copied: do not change them before the last slice is made. The same
 * goes for `room`, where a feature notice's head may lie: a sender that cuts its messages at once has one for all.
 * @throws ProtocolError `too-large`
 */
export function encodeMessage(message: PeerMessage, room?: Uint8Array<ArrayBuffer>): EncodedMessage {
  const blobs = blobsOf(message)
  const feature =
    message.type === 'notice' && message.kind === 'feature' ? encodeFeatureHead(message.body, room) : undefined
  const head = feature ?? encodeJsonHead(message, blobs)
  const parts: Uint8Array[] = [head]
  let bytes = head.byteLength
  for (const blob of blobs) {
    parts.push(blob)
    const padding = align(blob.byteLength) - blob.byteLength
    if (padding > 0) parts.push(new Uint8Array(padding))
    bytes += blob.byteLength + padding
  }
  if (bytes > MAX_MESSAGE_BYTES) {
    throw new ProtocolError('too-large', `a message has ${bytes} bytes, at most ${MAX_MESSAGE_BYTES}`)
  }
  return { parts, bytes }
}

const NO_BLOBS: readonly Uint8Array[] = []

function blobsOf(message: PeerMessage): readonly Uint8Array[] {
  if (!('body' in message) || typeof message.body !== 'object' || message.body === null) return NO_BLOBS
  const { blobs = NO_BLOBS } = message.body as { blobs?: readonly Uint8Array[] }
  return blobs
}

function encodeJsonHead(message: PeerMessage, blobs: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  // JSON leaves out what is undefined; a copy without the key costs several times as much.
  const bare =
    blobs === NO_BLOBS ? message : { ...message, body: { ...(message as { body: object }).body, blobs: undefined } }
  const text = JSON.stringify({ m: bare, b: blobs.map((blob) => blob.byteLength) })
  const head = messageHead(align(text.length), JSON_FORM)
  const { read, written } = encoder.encodeInto(text, head.subarray(MESSAGE_HEADER_BYTES))
  // Characters beyond ASCII take more bytes than one each.
  const whole = read === text.length ? head.fill(SPACE, MESSAGE_HEADER_BYTES + written) : longHead(text)
  const controlBytes = whole.byteLength - MESSAGE_HEADER_BYTES
  if (controlBytes <= MAX_CONTROL_BYTES) return whole
  throw new ProtocolError(
    'too-large',
    `the control part of a message has ${controlBytes} bytes, at most ${MAX_CONTROL_BYTES}`,
  )
}

function longHead(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text)
  const head = messageHead(align(bytes.byteLength), JSON_FORM).fill(SPACE, MESSAGE_HEADER_BYTES)
  head.set(bytes, MESSAGE_HEADER_BYTES)
  return head
}

/**
 * The message in `bytes` (a whole message, as `Reassembler` returns it), checked by the guards. Blobs are views of
 * `bytes`.
 * @throws ProtocolError `malformed`
 */
export function decodeMessage(bytes: Uint8Array): PeerMessage {
  try {
    if (bytes.byteLength < MESSAGE_HEADER_BYTES) throw new ProtocolError('malformed', 'a message is too short')
    const controlBytes = readU32(bytes, 0)
    const form = readU32(bytes, 4)
    if (controlBytes % 8 !== 0 || controlBytes > MAX_CONTROL_BYTES || (form !== JSON_FORM && form !== FEATURE_FORM)) {
      throw new ProtocolError('malformed', 'a message has an unknown header')
    }
    if (MESSAGE_HEADER_BYTES + controlBytes > bytes.byteLength) {
      throw new ProtocolError('malformed', 'a message ends before its control part')
    }
    if (form === FEATURE_FORM) {
      const { body, lengths } = decodeFeatureHead(bytes, controlBytes)
      return {
        type: 'notice',
        kind: 'feature',
        body: Object.assign(body, { blobs: splitBlobs(bytes, controlBytes, lengths) }),
      }
    }
    const { message, lengths } = decodeJsonHead(bytes, controlBytes)
    return checkParted(message, splitBlobs(bytes, controlBytes, lengths))
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    throw new ProtocolError('malformed', 'a message cannot be read', { cause: error })
  }
}

function decodeJsonHead(bytes: Uint8Array, controlBytes: number): { message: unknown; lengths: readonly unknown[] } {
  const text = decoder.decode(bytes.subarray(MESSAGE_HEADER_BYTES, MESSAGE_HEADER_BYTES + controlBytes))
  const envelope: unknown = JSON.parse(text)
  if (typeof envelope !== 'object' || envelope === null || !('m' in envelope) || !('b' in envelope)) {
    throw new ProtocolError('malformed', 'a message has no envelope')
  }
  if (!Array.isArray(envelope.b)) throw new ProtocolError('malformed', 'a message names no blobs')
  return { message: envelope.m, lengths: envelope.b as unknown[] }
}

/** The blobs behind the control part, as views; they fill the message. */
function splitBlobs(bytes: Uint8Array, controlBytes: number, lengths: readonly unknown[]): Uint8Array[] {
  const blobs: Uint8Array[] = []
  let offset = MESSAGE_HEADER_BYTES + controlBytes
  for (const length of lengths) {
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || offset + length > bytes.byteLength) {
      throw new ProtocolError('malformed', 'a blob lies outside its message')
    }
    blobs.push(bytes.subarray(offset, offset + length))
    offset += align(length)
  }
  if (offset !== bytes.byteLength) throw new ProtocolError('malformed', 'a message is longer or shorter than its parts')
  return blobs
}
