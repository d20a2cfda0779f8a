import 'fake-indexeddb/auto'
import { deviceId, modelDigest, seededRandom } from '@roomful/core'
import { sha256Hex } from '@roomful/tensor'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CacheValue, EntryMeta } from './entry.ts'
import { entryBytes } from './entry.ts'
import { CacheError } from './error.ts'
import { importance, victims } from './eviction.ts'
import { CacheKeys } from './keys.ts'
import { LocalCache } from './local-cache.ts'
import type { FeatureStore } from './store/feature-store.ts'
import { idbStore } from './store/idb-store.ts'
import { memoryStore } from './store/memory-store.ts'

const model = modelDigest('m')
const owner = deviceId('a')
const own = { model, owner, foreign: false, savedMs: 10 }
const answer: CacheValue = { kind: 'answer', labelIndex: 3, confidence: 0.9, exit: 'final' }
const feature = (bytes: number): CacheValue => ({ kind: 'feature', tensor: 't', bytes: new Uint8Array(bytes).fill(7) })
const wallClock = () => 1_700_000_000_000

let databases = 0
const stores: Record<string, () => FeatureStore> = {
  memory: memoryStore,
  IndexedDB: () => idbStore(`test-${databases++}`),
}

describe.each(Object.entries(stores))('a cache in %s', (_, make) => {
  it('gives back what was put, and finds it again after a restart', async () => {
    const store = make()
    const cache = new LocalCache({ store, wallClock })
    expect(await cache.put('k', answer, own)).toBe(true)
    expect(await cache.put('f', feature(100), own)).toBe(true)
    expect((await cache.get('k'))?.value).toEqual(answer)
    const again = new LocalCache({ store, wallClock })
    expect((await again.get('f'))?.value).toEqual(feature(100))
    expect(again.stats).toMatchObject({ entries: 2, failures: 0 })
    await again.drop(({ key }) => key === 'k')
    expect(await again.get('k')).toBeUndefined()
    expect(await new LocalCache({ store, wallClock }).keys()).toEqual(['f'])
  })

  it('stays within its bytes whatever is put', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(9), fc.nat(3000), fc.integer({ min: 1, max: 100 })), { maxLength: 25 }),
        async (puts) => {
          const store = make()
          const cache = new LocalCache({ store, wallClock, maxBytes: 5000 })
          for (const [key, bytes, savedMs] of puts) await cache.put(`k${key}`, feature(bytes), { ...own, savedMs })
          const stored = await store.entries()
          expect(stored.reduce((sum, meta) => sum + meta.bytes, 0)).toBe(cache.stats.bytes)
          expect(cache.stats.bytes).toBeLessThanOrEqual(5000)
        },
      ),
      { seed: 5, numRuns: 40 },
    )
  })
})

describe('a storage that fails', () => {
  const failing = (reason: 'full' | 'unavailable'): FeatureStore => {
    const fail = async () => {
      throw new CacheError(reason, 'no')
    }
    return { get: fail, put: fail, delete: fail, entries: fail }
  }

  it('is a cache that misses', async () => {
    for (const reason of ['full', 'unavailable'] as const) {
      const cache = new LocalCache({ store: failing(reason), wallClock })
      expect(await cache.put('k', answer, own)).toBe(false)
      expect(await cache.get('k')).toBeUndefined()
      await cache.drop(() => true)
      expect(cache.stats).toMatchObject({ entries: 0, bytes: 0 })
    }
  })

  it('forgets an entry whose value is gone', async () => {
    const store = memoryStore()
    const lost: string[] = []
    const cache = new LocalCache({ store, wallClock, onChange: (_, removed) => lost.push(...removed) })
    await cache.put('k', answer, own)
    await store.delete(['k'])
    expect(await cache.get('k')).toBeUndefined()
    expect(lost).toEqual(['k'])
  })

  it('ignores records of another form', async () => {
    const { createStore, set } = await import('idb-keyval')
    const raw = createStore('odd', 'entries')
    await set('m:k', { key: 'k', kind: 'answer', model: 3 }, raw)
    await set('v:k', { kind: 'answer', labelIndex: 'x' }, raw)
    const cache = new LocalCache({ store: idbStore('odd'), wallClock })
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.stats.failures).toBe(0)
  })
})

describe('eviction', () => {
  const meta = (key: string, savedMs: number, bytes: number, uses = 0): EntryMeta => ({
    key,
    kind: 'feature',
    model,
    owner,
    foreign: false,
    savedMs,
    uses,
    bytes,
    storedAt: 0,
  })

  it('gives up the least time saved x uses / bytes first', () => {
    const entries = [meta('cheap', 1, 100), meta('used', 1, 100, 9), meta('dear', 50, 100)]
    expect(victims(entries, meta('new', 20, 100), 300)).toEqual(['cheap'])
    expect(victims(entries, meta('new', 40, 200), 300)).toEqual(['cheap', 'used'])
  })

  it('refuses what is too large or worth less than what it would push out', () => {
    expect(victims([], meta('new', 1000, 301), 300)).toBeUndefined()
    expect(victims([meta('dear', 50, 300)], meta('new', 1, 100), 300)).toBeUndefined()
  })

  it('never gives up more worth than it gains per entry', () => {
    const random = seededRandom(4)
    for (let i = 0; i < 200; i++) {
      const entries = Array.from({ length: 8 }, (_, k) => meta(`k${k}`, random.int(50) + 1, random.int(400) + 1))
      const incoming = meta('new', random.int(50) + 1, random.int(400) + 1)
      const gone = victims(entries, incoming, 1200)
      for (const key of gone ?? []) {
        const victim = entries.find((entry) => entry.key === key)
        if (victim !== undefined) expect(importance(victim)).toBeLessThanOrEqual(importance(incoming))
      }
      const left = entries.filter(({ key }) => gone?.includes(key) === false).reduce((sum, { bytes }) => sum + bytes, 0)
      if (gone !== undefined) expect(left + incoming.bytes).toBeLessThanOrEqual(1200)
    }
  })
})

describe('keys', () => {
  it('differ by model, trunk, input, cut and bottleneck, and never mix answers with feature maps', async () => {
    const hashed: string[] = []
    const of = new CacheKeys(async (bytes) => {
      hashed.push(new TextDecoder().decode(bytes))
      return sha256Hex(bytes)
    })
    const [i, j] = [await sha256Hex(new Uint8Array([1])), await sha256Hex(new Uint8Array([2]))]
    const wanted = () =>
      Promise.all([
        of.answer(model, 'main', i),
        of.answer(modelDigest('n'), 'main', i),
        of.answer(model, 'int8', i),
        of.answer(model, 'main', j),
        of.feature('m', i, 'main'),
        of.feature('p', i),
        of.feature('p', i, 'b'),
        of.feature('p', j),
        of.feature('q', i),
      ])
    const keys = await wanted()
    expect(new Set(keys).size).toBe(keys.length)
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/)
    // What computes is hashed once.
    expect(await wanted()).toEqual(keys)
    expect(hashed).toHaveLength(7)
  })

  it('count a record beside the bytes of the map', () => {
    expect(entryBytes(feature(1000))).toBeGreaterThan(1000)
    expect(entryBytes(answer)).toBeGreaterThan(0)
  })
})
