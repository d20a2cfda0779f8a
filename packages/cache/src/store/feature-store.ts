import type { CacheEntry, CacheValue, EntryMeta } from '../entry.ts'

/**
 * Where entries lie. A store may forget at any time and may fail (CacheError): the cache above it then misses. It does not
 * bound itself; the cache does.
 */
export interface FeatureStore {
  get(key: string): Promise<CacheValue | undefined>
  /** All of them, or none. */
  put(entries: readonly CacheEntry[]): Promise<void>
  delete(keys: readonly string[]): Promise<void>
  /** What is stored, without the values. */
  entries(): Promise<readonly EntryMeta[]>
}
