import type { CacheEntry } from '../entry.ts'
import type { FeatureStore } from './feature-store.ts'

/** Entries in memory: for Node, tests, and pages without storage. */
export function memoryStore(): FeatureStore {
  const kept = new Map<string, CacheEntry>()
  return {
    get: async (key) => kept.get(key)?.value,
    put: async (entries) => {
      for (const entry of entries) kept.set(entry.meta.key, entry)
    },
    delete: async (keys) => {
      for (const key of keys) kept.delete(key)
    },
    entries: async () => [...kept.values()].map(({ meta }) => meta),
  }
}
