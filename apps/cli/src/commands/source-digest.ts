import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

/** A short digest of all files in some folders (or of files) but tests; absent ones count as empty. */
export async function sourceDigest(places: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const place of places) {
    const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => undefined)
    const inside = entries
      ?.filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
      .map((entry) => path.join(entry.parentPath, entry.name))
    for (const file of (inside ?? [place]).sort()) {
      hash.update(path.relative(place, file))
      hash.update(await readFile(file).catch(() => new Uint8Array()))
    }
  }
  return hash.digest('hex').slice(0, 12)
}
