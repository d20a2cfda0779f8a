import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createRoomKey, fromBase64Url, ROOM_KEY_BYTES, type RoomKey, toBase64Url } from '@roomful/protocol'

/**
 * The key of this machine's room, kept in `folder`, so that the printed link and its QR code open straight into a room
 * and stay valid over restarts. It is made by, and known to, the person who runs the command; the signalling itself never
 * uses it, and no client sends it. `fresh` replaces it.
 */
export async function keptRoomKey(folder: string, fresh: boolean): Promise<RoomKey> {
  const file = path.join(folder, 'room-key')
  if (!fresh) {
    const kept = await readKey(file)
    if (kept !== undefined) return kept
  }
  const key = createRoomKey()
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(file, `${toBase64Url(key)}\n`, { mode: 0o600 })
  return key
}

async function readKey(file: string): Promise<RoomKey | undefined> {
  try {
    const key = fromBase64Url((await readFile(file, 'utf8')).trim())
    return key.byteLength === ROOM_KEY_BYTES ? key : undefined
  } catch {
    return undefined
  }
}
