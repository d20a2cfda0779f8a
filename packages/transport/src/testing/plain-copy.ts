import type { PeerMessage } from '@roomful/protocol'
import { TransportError } from '../room.ts'

/** A message as the other side would get it: the body through JSON, blobs copied. `bytes` is what it weighs on the wire. */
export interface WireCopy {
  readonly message: PeerMessage
  readonly bytes: number
}

const HEADER_BYTES = 32

/**
 * Sends a message through its wire form in memory, so that tests notice whatever would not survive the real way:
 * class instances, typed arrays outside `blobs`, functions, NaN.
 * @throws TransportError `malformed`, naming the path
 */
export function plainCopy(message: PeerMessage): WireCopy {
  const { blobs, rest } = splitBlobs(message)
  checkPlain(rest, message.type)
  const json = JSON.stringify(rest)
  const parsed = JSON.parse(json) as PeerMessage
  const copies = blobs?.map((blob) => blob.slice())
  const bytes = HEADER_BYTES + json.length + (copies ?? []).reduce((sum, blob) => sum + blob.byteLength, 0)
  if (copies === undefined || !('body' in parsed)) return { message: parsed, bytes }
  return { message: { ...parsed, body: { ...(parsed.body as object), blobs: copies } } as PeerMessage, bytes }
}

function splitBlobs(message: PeerMessage): { blobs: readonly Uint8Array[] | undefined; rest: unknown } {
  if (!('body' in message) || typeof message.body !== 'object' || message.body === null) {
    return { blobs: undefined, rest: message }
  }
  if (!('blobs' in message.body) || message.body.blobs === undefined) return { blobs: undefined, rest: message }
  const { blobs, ...body } = message.body as { blobs: unknown }
  if (!Array.isArray(blobs) || !blobs.every((blob) => blob instanceof Uint8Array)) {
    throw new TransportError('malformed', 'blobs must be an array of Uint8Array')
  }
  return { blobs, rest: { ...message, body } }
}

function checkPlain(value: unknown, path: string): void {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return
    throw new TransportError('malformed', `${path} is ${value}: JSON cannot carry it`)
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkPlain(item, `${path}[${index}]`)
    return
  }
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined
  if (typeof value === 'object' && (prototype === Object.prototype || prototype === null)) {
    for (const [key, item] of Object.entries(value)) checkPlain(item, `${path}.${key}`)
    return
  }
  const what = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
  throw new TransportError('malformed', `${path} is a ${what}: only plain JSON travels, bytes go into blobs`)
}
