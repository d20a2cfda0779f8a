import { type RoomId, roomId } from '@roomful/core'
import { toBase64Url } from './base64url.ts'
import { ProtocolError } from './error.ts'
import { ROOM_KEY_BYTES, type RoomKey } from './invite.ts'

/** Everything derived from a room key. Only `roomId` ever leaves the device. */
export interface RoomKeys {
  /** Names the room to the signalling server; tells nothing about the key. */
  readonly roomId: RoomId
  /** AES-GCM, 256 bits: seals signalling (seal.ts). */
  readonly sealKey: CryptoKey
  /** HMAC-SHA-256: proves knowledge of the room key at hello (hello.ts). */
  readonly helloKey: CryptoKey
}

/** Names the derivation; a change of the derivation changes it. */
const SALT = new TextEncoder().encode('roomful/1')

/**
 * HKDF-SHA-256 (RFC 5869) with one `info` per purpose, so that no derived value helps to find another.
 * @throws ProtocolError `invite` (wrong length), `insecure-context` (no WebCrypto)
 */
export async function deriveRoomKeys(key: RoomKey): Promise<RoomKeys> {
  if (key.byteLength !== ROOM_KEY_BYTES) throw new ProtocolError('invite', 'a room key has 128 bits')
  const subtle = subtleCrypto()
  const base = await subtle.importKey('raw', key, 'HKDF', false, ['deriveBits', 'deriveKey'])
  const derivation = (purpose: string) => ({
    name: 'HKDF',
    hash: 'SHA-256',
    salt: SALT,
    info: new TextEncoder().encode(purpose),
  })
  const [id, sealKey, helloKey] = await Promise.all([
    subtle.deriveBits(derivation('room id'), base, 128),
    subtle.deriveKey(derivation('signalling'), base, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']),
    subtle.deriveKey(derivation('hello'), base, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, [
      'sign',
      'verify',
    ]),
  ])
  return { roomId: roomId(toBase64Url(new Uint8Array(id))), sealKey, helloKey }
}

/** WebCrypto exists in secure contexts only. */
export function subtleCrypto(): SubtleCrypto {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined
  if (subtle === undefined) {
    throw new ProtocolError('insecure-context', 'this page needs HTTPS (or localhost): open the https:// link')
  }
  return subtle
}
