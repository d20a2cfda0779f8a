import { describe, expect, it } from 'vitest'
import { type CacheLike, cacheApiStore } from './store.ts'

function fakeCache() {
  const kept = new Map<string, Response>()
  const cache: CacheLike = {
    match: async (url) => kept.get(url)?.clone(),
    put: async (url, response) => {
      // As the Cache API does: a partial response is a TypeError.
      if (response.status === 206) throw new TypeError('Partial response')
      kept.set(url, response)
    },
  }
  return { kept, cache }
}

describe('cacheApiStore', () => {
  it('keeps each chunk as a whole response of its own', async () => {
    const { kept, cache } = fakeCache()
    const store = cacheApiStore(async () => cache)
    await store.put('aa', Uint8Array.of(1, 2, 3))
    await store.put('bb', Uint8Array.of(4))
    expect(await store.get('aa')).toEqual(Uint8Array.of(1, 2, 3))
    expect(await store.get('cc')).toBeUndefined()
    expect([...kept.values()].map((response) => response.status)).toEqual([200, 200])
  })

  it('writes one chunk after the other', async () => {
    const { cache } = fakeCache()
    let [open, most] = [0, 0]
    const slow = {
      match: (url: string) => cache.match(url),
      async put(url: string, response: Response) {
        most = Math.max(most, ++open)
        await new Promise((resolve) => setTimeout(resolve, 1))
        await cache.put(url, response)
        open--
      },
    }
    const store = cacheApiStore(async () => slow)
    await Promise.all(['aa', 'bb', 'cc'].map((key) => store.put(key, Uint8Array.of(1))))
    expect(most).toBe(1)
    expect(await store.get('cc')).toEqual(Uint8Array.of(1))
  })

  it('opens the cache again after a failure', async () => {
    const { cache } = fakeCache()
    let attempts = 0
    const store = cacheApiStore(async () => {
      if (attempts++ === 0) throw new Error('storage is off')
      return cache
    })
    await expect(store.get('aa')).rejects.toThrow('storage is off')
    expect(await store.get('aa')).toBeUndefined()
  })
})
