import { RoomfulError } from '../session.ts'

/**
 * What a base64 data URL holds. With the browser's own decoder where it has one.
 * @throws RoomfulError `unsupported` when it is not of `type`: browsers encode PNG where they lack a codec
 */
export function bytesOfDataUrl(url: string, type: string): Uint8Array {
  const head = `data:${type};base64,`
  if (!url.startsWith(head)) throw new RoomfulError('unsupported', `this browser does not encode ${type}`)
  const text = url.slice(head.length)
  const native = (Uint8Array as { fromBase64?: (text: string) => Uint8Array }).fromBase64
  if (native !== undefined) return native.call(Uint8Array, text)
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

const CHUNK = 8192

/** The inverse, for any bytes. */
export function dataUrlOf(bytes: Uint8Array, type: string): string {
  const native = (bytes as { toBase64?: () => string }).toBase64
  return `data:${type};base64,${native === undefined ? base64Of(bytes) : native.call(bytes)}`
}

function base64Of(bytes: Uint8Array): string {
  let binary = ''
  for (let from = 0; from < bytes.length; from += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(from, from + CHUNK))
  }
  return btoa(binary)
}
