import { ProtocolError } from './error.ts'

/** Bytes as base64url without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * The bytes of a base64url text without padding. Only the canonical text of some bytes is accepted, so that two texts
 * never mean the same key.
 * @throws ProtocolError `malformed`
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) {
    throw new ProtocolError('malformed', 'not base64url text without padding')
  }
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0))
  if (toBase64Url(bytes) !== text) throw new ProtocolError('malformed', 'not canonical base64url text')
  return bytes
}
