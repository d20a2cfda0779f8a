import type { DeviceId, RoomId } from '@roomful/core'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { ProtocolError } from './error.ts'
import { type RoomKeys, subtleCrypto } from './keys.ts'
import { MAX_SEALED_CHARS } from './schema/signalling.ts'
import type { Sealed } from './signalling.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Who sends a sealed message to whom; bound to it, so that the server cannot deliver it elsewhere. */
export interface Route {
  readonly from: DeviceId
  readonly to: DeviceId
}

/**
 * Seals a JSON value for one peer: AES-GCM with a fresh random nonce and room id, sender and receiver as additional data.
 * The server can still drop, delay or repeat messages; a repeated offer leads nowhere, since hello.ts asks for fresh
 * nonces.
 * @throws ProtocolError `too-large`
 */
export async function seal(keys: RoomKeys, route: Route, value: unknown): Promise<Sealed> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const plain = new TextEncoder().encode(JSON.stringify(value))
  const cipher = await subtleCrypto().encrypt(parameters(keys.roomId, route, nonce), keys.sealKey, plain)
  const bytes = new Uint8Array(NONCE_BYTES + cipher.byteLength)
  bytes.set(nonce)
  bytes.set(new Uint8Array(cipher), NONCE_BYTES)
  const sealed = toBase64Url(bytes)
  if (sealed.length > MAX_SEALED_CHARS) {
    throw new ProtocolError(
      'too-large',
      `a sealed message has ${sealed.length} characters, at most ${MAX_SEALED_CHARS}`,
    )
  }
  return sealed
}

/**
 * The value that `seal` sealed for this route. It comes from a holder of the room key, and is still untrusted data.
 * @throws ProtocolError `sealed` (another key, room or route, or changed on the way), `malformed`, `too-large`
 */
export async function open(keys: RoomKeys, route: Route, sealed: Sealed): Promise<unknown> {
  if (sealed.length > MAX_SEALED_CHARS) throw new ProtocolError('too-large', 'a sealed message is too long')
  const bytes = fromBase64Url(sealed)
  if (bytes.byteLength < NONCE_BYTES + TAG_BYTES) throw new ProtocolError('malformed', 'a sealed message is too short')
  const nonce = bytes.slice(0, NONCE_BYTES)
  let plain: ArrayBuffer
  try {
    const cipher = bytes.slice(NONCE_BYTES)
    plain = await subtleCrypto().decrypt(parameters(keys.roomId, route, nonce), keys.sealKey, cipher)
  } catch (cause) {
    throw new ProtocolError('sealed', `a message from ${route.from} was not sealed with this room's key for us`, {
      cause,
    })
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain))
  } catch (cause) {
    throw new ProtocolError('malformed', 'a sealed message is not JSON', { cause })
  }
}

function parameters(room: RoomId, route: Route, nonce: Uint8Array<ArrayBuffer>) {
  const additionalData = new TextEncoder().encode(JSON.stringify([room, route.from, route.to]))
  return { name: 'AES-GCM', iv: nonce, additionalData }
}
