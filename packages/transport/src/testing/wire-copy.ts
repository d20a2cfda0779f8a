import { decodeMessage, encodeMessage, type PeerMessage } from '@roomful/protocol'
import { asTransportError } from '../errors.ts'

/** A message as the other side gets it, and what it weighs on the wire. */
export interface WireCopy {
  readonly message: PeerMessage
  readonly bytes: number
}

/**
 * Sends a message through its real wire form and the guards, in memory: tests then notice whatever would not survive
 * (class instances, typed arrays outside `blobs`, NaN, missing fields). Blobs are copied.
 * @throws TransportError `malformed`, `too-large`
 */
export function wireCopy(message: PeerMessage): WireCopy {
  try {
    const encoded = encodeMessage(message)
    const bytes = new Uint8Array(encoded.bytes)
    let at = 0
    for (const part of encoded.parts) {
      bytes.set(part, at)
      at += part.byteLength
    }
    return { message: decodeMessage(bytes), bytes: encoded.bytes }
  } catch (error) {
    throw asTransportError(error)
  }
}
