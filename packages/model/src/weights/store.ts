import { SerialQueue } from '@roomful/core'

/**
 * Keeps chunks of weights by their SHA-256, so models that share weights share entries. A store may forget at any time and
 * may fail: the reader then fetches again. `get` gives bytes that the caller does not change.
 */
export interface ChunkStore {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, bytes: Uint8Array): Promise<void>
}

/** In memory, at most `maxBytes` (64 MiB unless told); the least recently used chunk goes first. */
export function memoryStore(maxBytes = 64 << 20): ChunkStore {
  const kept = new Map<string, Uint8Array>()
  let total = 0
  return {
    async get(key) {
      const bytes = kept.get(key)
      if (bytes === undefined) return undefined
      kept.delete(key)
      kept.set(key, bytes)
      return bytes
    },
    async put(key, bytes) {
      if (bytes.length > maxBytes || kept.has(key)) return
      kept.set(key, bytes)
      total += bytes.length
      for (const [oldest, old] of kept) {
        if (total <= maxBytes) break
        kept.delete(oldest)
        total -= old.length
      }
    },
  }
}

/** The Cache API's parts that are used. */
export interface CacheLike {
  match(url: string): Promise<Response | undefined>
  put(url: string, response: Response): Promise<void>
}

/** Chunks that may wait to be written, 256 MiB of them: what comes beyond is fetched again next time. */
const MAX_WRITES = 1024

/**
 * In the browser's Cache API. It refuses partial (206) answers (Service Workers specification, `Cache.put`), so each chunk
 * is a whole response of its own under a URL that no server answers. Writes go one after the other: each holds up the page
 * for some milliseconds, and many at once would be felt.
 */
export function cacheApiStore(open: () => Promise<CacheLike>): ChunkStore {
  let opened: Promise<CacheLike> | undefined
  const cache = () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  const writes = new SerialQueue(MAX_WRITES)
  const url = (key: string) => `https://chunks.roomful.invalid/${key}`
  return {
    async get(key) {
      const response = await (await cache()).match(url(key))
      return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer())
    },
    put(key, bytes) {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) }
      return writes.run(async () => (await cache()).put(url(key), new Response(new Uint8Array(bytes), { headers })))
    },
  }
}

/** The store of this browser under `name`, or undefined where there is no Cache API (Node, insecure context). */
export function browserStore(name = 'roomful-weights'): ChunkStore | undefined {
  if (typeof caches === 'undefined') return undefined
  return cacheApiStore(() => caches.open(name))
}
