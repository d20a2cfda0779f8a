import { ProtocolError } from './error.ts'
import { hasFeatureValues, isFeatureBody } from './feature-guard.ts'
import { align, MESSAGE_HEADER_BYTES, type MessageForm, messageHead } from './message-header.ts'
import type { NoticeOf } from './peer.ts'

/*
 * The control part of a `feature` notice in binary, little-endian; a third of its JSON and a tenth of its time:
 *   u8 flags (1 rows, 2 relay is given, 4 relay) | u8 encoding | u8 shards | u8 exits
 *   | u8 blobs | u8 bytes of requestId | u8 of planId | u8 of initiator
 *   | f64 remainingMs | with rows: f64 start, f64 end | u32 bytes of each blob
 *   | u16 volume | u16 each shard | u16 bytes of each exit
 *   | ASCII: requestId, planId, initiator, exits | zeros to a multiple of 8
 */
export const FEATURE_FORM: MessageForm = 1

const FLAGS = { rows: 1, relayGiven: 2, relay: 4 } as const
const ENCODINGS = ['feature', 'jpeg', 'webp'] as const satisfies NoticeOf<'feature'>['encoding'][]
const FIXED_BYTES = 8 + 8 + 2
const ROWS_BYTES = 16
const MAX_BLOBS = 64

/**
 * The message's header and control part; undefined for a body that this form cannot hold (an exit's name beyond ASCII, or
 * a body that the guards refuse): it travels as JSON. It lies in `room` where there is enough.
 */
export function encodeFeatureHead(
  body: NoticeOf<'feature'>,
  room?: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | undefined {
  const { blobs, requestId, planId, initiator, volume, shards, exits, relay, rows, remainingMs, encoding } = body
  if (blobs === undefined || blobs.length < 1 || blobs.length > MAX_BLOBS) return undefined
  if (!isFeatureBody(body, 'blobs')) return undefined
  let textBytes = requestId.length + planId.length + initiator.length
  for (const exit of exits) textBytes += exit.length
  const numberBytes =
    FIXED_BYTES + (rows === undefined ? 0 : ROWS_BYTES) + 4 * blobs.length + 2 * (shards.length + exits.length)
  const controlBytes = align(numberBytes + textBytes)
  const head = messageHead(controlBytes, FEATURE_FORM, room)
  const view = new DataView(head.buffer, head.byteOffset)
  let at = MESSAGE_HEADER_BYTES
  const relayFlags = relay === undefined ? 0 : FLAGS.relayGiven | (relay ? FLAGS.relay : 0)
  head[at] = (rows === undefined ? 0 : FLAGS.rows) | relayFlags
  head[at + 1] = ENCODINGS.indexOf(encoding)
  head[at + 2] = shards.length
  head[at + 3] = exits.length
  head[at + 4] = blobs.length
  head[at + 5] = requestId.length
  head[at + 6] = planId.length
  head[at + 7] = initiator.length
  view.setFloat64(at + 8, remainingMs, true)
  at += 16
  if (rows !== undefined) {
    view.setFloat64(at, rows.start, true)
    view.setFloat64(at + 8, rows.end, true)
    at += ROWS_BYTES
  }
  for (const blob of blobs) {
    view.setUint32(at, blob.byteLength, true)
    at += 4
  }
  view.setUint16(at, volume, true)
  at += 2
  for (const shard of shards) {
    view.setUint16(at, shard, true)
    at += 2
  }
  for (const exit of exits) {
    view.setUint16(at, exit.length, true)
    at += 2
  }
  // These have passed the guards' check, which lets only ASCII through.
  for (const token of [requestId, planId, initiator]) at = writeAscii(head, at, token)
  for (const exit of exits) {
    at = writeAscii(head, at, exit)
    if (at === NO_ASCII) return undefined
  }
  return head
}

const NO_ASCII = -1
const MAX_ASCII = 0x7f

/** Returns where it ends. A loop, because a TextEncoder takes longer for so little. */
function writeAscii(into: Uint8Array, from: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > MAX_ASCII) return NO_ASCII
    into[from + i] = code
  }
  return from + text.length
}

/**
 * The body, without its blobs, and their lengths. Everything is checked as the schema does.
 * @throws ProtocolError `malformed`, or RangeError when the head ends early
 */
export function decodeFeatureHead(
  bytes: Uint8Array,
  controlBytes: number,
): { body: Omit<NoticeOf<'feature'>, 'blobs'>; lengths: readonly number[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset + MESSAGE_HEADER_BYTES, controlBytes)
  const flags = view.getUint8(0)
  const blobCount = view.getUint8(4)
  if (flags > 7 || blobCount < 1 || blobCount > MAX_BLOBS) throw malformed()
  const remainingMs = view.getFloat64(8, true)
  let at = 16
  let rows: { start: number; end: number } | undefined
  if ((flags & FLAGS.rows) !== 0) {
    rows = { start: view.getFloat64(at, true), end: view.getFloat64(at + 8, true) }
    at += ROWS_BYTES
  }
  const lengths: number[] = []
  for (let i = 0; i < blobCount; i++, at += 4) lengths.push(view.getUint32(at, true))
  const volume = view.getUint16(at, true)
  at += 2
  const shards: number[] = []
  for (let left = view.getUint8(2); left > 0; left--, at += 2) shards.push(view.getUint16(at, true))
  const textLengths = [view.getUint8(5), view.getUint8(6), view.getUint8(7)]
  for (let left = view.getUint8(3); left > 0; left--, at += 2) textLengths.push(view.getUint16(at, true))
  const textBytes = textLengths.reduce((sum, length) => sum + length, 0)
  if (align(at + textBytes) !== controlBytes) throw malformed()
  const texts: string[] = []
  let from = MESSAGE_HEADER_BYTES + at
  for (const length of textLengths) {
    texts.push(readAscii(bytes, from, from + length))
    from += length
  }
  const [requestId, planId, initiator] = texts
  const body: { -readonly [key in keyof NoticeOf<'feature'>]?: unknown } = {
    requestId,
    planId,
    initiator,
    volume,
    shards,
    exits: texts.slice(3),
    remainingMs,
    encoding: ENCODINGS[view.getUint8(1)],
  }
  if ((flags & FLAGS.relayGiven) !== 0) body.relay = (flags & FLAGS.relay) !== 0
  if (rows !== undefined) body.rows = rows
  if (!hasFeatureValues(body)) throw malformed()
  return { body, lengths }
}

/** In one call: a TextDecoder takes longer for so little, and its strings are slower to look at. @throws ProtocolError */
function readAscii(bytes: Uint8Array, from: number, until: number): string {
  for (let at = from; at < until; at++) if ((bytes[at] ?? MAX_ASCII + 1) > MAX_ASCII) throw malformed()
  return Reflect.apply(String.fromCharCode, undefined, bytes.subarray(from, until)) as string
}

const malformed = () => new ProtocolError('malformed', 'the head of a feature map cannot be read')
