import { type DeviceId, type ExitName, SPAN_KINDS, type Span } from '@roomful/core'
import { ProtocolError } from './error.ts'
import { MAX_DEVICE_ID, MAX_NAME, MAX_SPANS, MAX_TIME_MS, TOKEN } from './schema/common.ts'

/*
 * What one device did, little-endian; no bytes at all when that is nothing:
 *   u16 spans | u16 names | u16 bytes of each name | UTF-8 of the names | the spans, each
 *   u8 index in SPAN_KINDS | u8 flags (1 volume, 2 exit, 4 bytes, 8 to) | u16 volume, or 0 | f32 startMs | f32 endMs
 *   | with exit: u16 index of its name | with bytes: u32 | with to: u16 index of its name
 * A span tells no device: it is the sender's. float32 milliseconds come in steps of 0.06 us within the first second, of
 * 4 us within a minute. A span takes 12 bytes where its JSON takes 100 to 150, a transfer 18.
 */

/** Longest report that a decoder accepts; `encodeSpans` stays within it. */
export const MAX_SPANS_BYTES = 256 * 1024

const FLAGS = { volume: 1, exit: 2, bytes: 4, to: 8 } as const
const HEAD_BYTES = 4
const SPAN_BYTES = 12
const INDEX_BYTES = 2
const COUNT_BYTES = 4
const MAX_VOLUME = 0xffff
const MAX_BYTES = 0xffff_ffff

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The sender's spans without their device. What is beyond MAX_SPANS or MAX_SPANS_BYTES is left out: no answer is worth losing
 * for its story.
 * @throws ProtocolError `malformed` for a number that has no place in the form: a volume above 65,535, 4 GiB, an endless time
 */
export function encodeSpans(spans: readonly Span[]): Uint8Array<ArrayBuffer> {
  if (spans.length === 0) return new Uint8Array()
  if (spans.length > MAX_SPANS) return encodeSpans(spans.slice(0, MAX_SPANS))
  const names = new Names()
  let spanBytes = 0
  for (const span of spans) {
    checkSpan(span)
    if (span.exit !== undefined) names.add(span.exit)
    if (span.to !== undefined) names.add(span.to)
    spanBytes += bytesOf(span)
  }
  const byteLength = HEAD_BYTES + names.bytes + spanBytes
  if (byteLength > MAX_SPANS_BYTES) return encodeSpans(spans.slice(0, spans.length >> 1))
  const bytes = new Uint8Array(byteLength)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, spans.length, true)
  let at = names.write(view, bytes)
  for (const span of spans) at = writeSpan(view, at, span, names)
  return bytes
}

/**
 * The spans of the device from which the report came, whoever that says it is. Nothing is allocated that the bytes do not hold.
 * @throws ProtocolError `malformed`
 */
export function decodeSpans(bytes: Uint8Array, from: DeviceId): Span[] {
  if (bytes.byteLength === 0) return []
  if (bytes.byteLength > MAX_SPANS_BYTES) throw malformed()
  try {
    return readSpans(bytes, from)
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    // Bytes that end early, or names that are no UTF-8.
    throw malformed(error)
  }
}

function readSpans(bytes: Uint8Array, from: DeviceId): Span[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(0, true)
  const names = view.getUint16(2, true)
  const least = HEAD_BYTES + names * INDEX_BYTES + count * SPAN_BYTES
  // A span has two names at most.
  if (count < 1 || count > MAX_SPANS || names > 2 * count || least > bytes.byteLength) throw malformed()
  const texts: string[] = []
  let at = HEAD_BYTES + names * INDEX_BYTES
  for (let i = 0; i < names; i++) {
    const end = at + view.getUint16(HEAD_BYTES + i * INDEX_BYTES, true)
    if (end > bytes.byteLength) throw malformed()
    texts.push(decoder.decode(bytes.subarray(at, end)))
    at = end
  }
  const spans: Span[] = []
  for (let i = 0; i < count; i++) {
    const kind = SPAN_KINDS[view.getUint8(at)]
    const flags = view.getUint8(at + 1)
    const volume = view.getUint16(at + 2, true)
    const startMs = view.getFloat32(at + 4, true)
    const endMs = view.getFloat32(at + 8, true)
    if (kind === undefined || flags > 15 || !isTime(startMs) || !isTime(endMs)) throw malformed()
    at += SPAN_BYTES
    const span: { -readonly [K in keyof Span]: Span[K] } = { device: from, kind, startMs, endMs }
    if ((flags & FLAGS.volume) !== 0) span.volume = volume
    else if (volume !== 0) throw malformed()
    if ((flags & FLAGS.exit) !== 0) {
      span.exit = exitNamed(texts[view.getUint16(at, true)])
      at += INDEX_BYTES
    }
    if ((flags & FLAGS.bytes) !== 0) {
      span.bytes = view.getUint32(at, true)
      at += COUNT_BYTES
    }
    if ((flags & FLAGS.to) !== 0) {
      span.to = deviceNamed(texts[view.getUint16(at, true)])
      at += INDEX_BYTES
    }
    spans.push(span)
  }
  if (at !== bytes.byteLength) throw malformed()
  return spans
}

/** Each name once, in the order of first use. */
class Names {
  readonly #indices = new Map<string, number>()
  readonly #encoded: Uint8Array[] = []
  /** Of lengths and texts. */
  bytes = 0

  add(name: string): void {
    if (this.#indices.has(name)) return
    const encoded = encoder.encode(name)
    this.#indices.set(name, this.#encoded.length)
    this.#encoded.push(encoded)
    this.bytes += INDEX_BYTES + encoded.byteLength
  }

  indexOf(name: string): number {
    return this.#indices.get(name) ?? 0
  }

  /** Their number, lengths and texts; returns where they end. */
  write(view: DataView, bytes: Uint8Array): number {
    view.setUint16(2, this.#encoded.length, true)
    let at = HEAD_BYTES
    for (const { byteLength } of this.#encoded) {
      view.setUint16(at, byteLength, true)
      at += INDEX_BYTES
    }
    for (const encoded of this.#encoded) {
      bytes.set(encoded, at)
      at += encoded.byteLength
    }
    return at
  }
}

function bytesOf({ exit, bytes, to }: Span): number {
  const optional = (exit === undefined ? 0 : INDEX_BYTES) + (bytes === undefined ? 0 : COUNT_BYTES)
  return SPAN_BYTES + optional + (to === undefined ? 0 : INDEX_BYTES)
}

function writeSpan(view: DataView, start: number, span: Span, names: Names): number {
  const { kind, startMs, endMs, volume, exit, bytes, to } = span
  let at = start + SPAN_BYTES
  let flags = volume === undefined ? 0 : FLAGS.volume
  view.setUint8(start, SPAN_KINDS.indexOf(kind))
  view.setUint16(start + 2, volume ?? 0, true)
  view.setFloat32(start + 4, startMs, true)
  view.setFloat32(start + 8, endMs, true)
  if (exit !== undefined) {
    flags |= FLAGS.exit
    view.setUint16(at, names.indexOf(exit), true)
    at += INDEX_BYTES
  }
  if (bytes !== undefined) {
    flags |= FLAGS.bytes
    view.setUint32(at, bytes, true)
    at += COUNT_BYTES
  }
  if (to !== undefined) {
    flags |= FLAGS.to
    view.setUint16(at, names.indexOf(to), true)
    at += INDEX_BYTES
  }
  view.setUint8(start + 1, flags)
  return at
}

function checkSpan({ startMs, endMs, volume = 0, exit, bytes = 0, to }: Span): void {
  if (exit !== undefined) exitNamed(exit)
  if (to !== undefined) deviceNamed(to)
  const fits = isWhole(volume, MAX_VOLUME) && isWhole(bytes, MAX_BYTES) && isTime(startMs) && isTime(endMs)
  if (!fits) throw malformed()
}

function exitNamed(name: string | undefined): ExitName {
  if (name === undefined || name.length < 1 || name.length > MAX_NAME) throw malformed()
  return name
}

function deviceNamed(name: string | undefined): DeviceId {
  if (name === undefined || name.length > MAX_DEVICE_ID || !TOKEN.test(name)) throw malformed()
  return name as DeviceId
}

const isWhole = (value: number, most: number): boolean => Number.isInteger(value) && value >= 0 && value <= most
/** NaN is none. */
const isTime = (ms: number): boolean => Math.abs(ms) <= MAX_TIME_MS
const malformed = (cause?: unknown) => new ProtocolError('malformed', 'the report of a stage cannot be read', { cause })
