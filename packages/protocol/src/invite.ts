import { fromBase64Url, toBase64Url } from './base64url.ts'
import { ProtocolError } from './error.ts'

/** 128 random bits that make a room: who has them may join. They travel in the link's fragment, which no server sees. */
export const ROOM_KEY_BYTES = 16
export type RoomKey = Uint8Array<ArrayBuffer>

/** A fresh room key from the platform's generator. */
export function createRoomKey(): RoomKey {
  return crypto.getRandomValues(new Uint8Array(ROOM_KEY_BYTES))
}

/** The link `url` with `#k=KEY` as its fragment (an old fragment is replaced). */
export function formatInvite(url: string | URL, key: RoomKey): string {
  const link = new URL(url)
  link.hash = `k=${toBase64Url(key)}`
  return link.href
}

/**
 * The room key of a link, or of a fragment alone (`#k=...`); undefined when there is no `k` in it.
 * @throws ProtocolError `invite` when there is one and it is not a key (a link cut short, for instance)
 */
export function parseInvite(linkOrFragment: string): RoomKey | undefined {
  const at = linkOrFragment.indexOf('#')
  if (at === -1) return undefined
  const text = new URLSearchParams(linkOrFragment.slice(at + 1)).get('k')
  if (text === null) return undefined
  let key: RoomKey | undefined
  try {
    key = fromBase64Url(text)
  } catch (cause) {
    throw new ProtocolError('invite', INCOMPLETE, { cause })
  }
  if (key.byteLength !== ROOM_KEY_BYTES) throw new ProtocolError('invite', INCOMPLETE)
  return key
}

const INCOMPLETE = 'the invite link is damaged: open it again from the QR code, or copy it whole'
