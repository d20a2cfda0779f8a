import { errorText } from '@roomful/core'
import { createStore, delMany, get, getMany, keys, setMany, type UseStore } from 'idb-keyval'
import * as v from 'valibot'
import type { CacheEntry, CacheValue, EntryMeta } from '../entry.ts'
import { CacheError } from '../error.ts'
import type { FeatureStore } from './feature-store.ts'

/** Two records per entry, so that the index is read without the feature maps. */
const META = 'm:'
const VALUE = 'v:'

const Amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const MetaSchema = v.object({
  key: v.string(),
  kind: v.picklist(['answer', 'feature']),
  model: v.string(),
  owner: v.string(),
  foreign: v.boolean(),
  savedMs: Amount,
  uses: Amount,
  bytes: Amount,
  storedAt: Amount,
})
const ValueSchema = v.variant('kind', [
  v.object({ kind: v.literal('answer'), labelIndex: Amount, confidence: Amount, exit: v.string() }),
  v.object({ kind: v.literal('feature'), tensor: v.string(), bytes: v.instance(Uint8Array) }),
])

/**
 * Entries in IndexedDB through idb-keyval. What was stored by another version and no longer has the right form is as if it
 * were not there.
 */
export function idbStore(name = 'roomful-cache'): FeatureStore {
  let opened: UseStore | undefined
  const store = () => {
    opened ??= createStore(name, 'entries')
    return opened
  }
  return {
    get: (key) =>
      guarded(async () => {
        const parsed = v.safeParse(ValueSchema, await get(VALUE + key, store()))
        return parsed.success ? (parsed.output as CacheValue) : undefined
      }),
    put: (entries: readonly CacheEntry[]) =>
      guarded(() =>
        setMany(
          entries.flatMap(({ meta, value }): [string, unknown][] => [
            [META + meta.key, meta],
            [VALUE + meta.key, value],
          ]),
          store(),
        ),
      ),
    delete: (gone) =>
      guarded(() =>
        delMany(
          gone.flatMap((key) => [META + key, VALUE + key]),
          store(),
        ),
      ),
    entries: () =>
      guarded(async () => {
        const all = await keys(store())
        const wanted = all.filter((key): key is string => typeof key === 'string' && key.startsWith(META))
        const metas = await getMany(wanted, store())
        return metas.flatMap((meta) => {
          const parsed = v.safeParse(MetaSchema, meta)
          return parsed.success ? [parsed.output as EntryMeta] : []
        })
      }),
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const full = cause instanceof DOMException && cause.name === 'QuotaExceededError'
    throw new CacheError(full ? 'full' : 'unavailable', `the cache's storage failed: ${errorText(cause)}`, { cause })
  }
}
