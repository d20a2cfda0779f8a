import { type DeviceId, deviceId, modelDigest, seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import type { CacheValue } from './entry.ts'
import { RoomCache, type RoomCacheOptions } from './room-cache.ts'
import { RoomIndex } from './room-index.ts'
import { memoryStore } from './store/memory-store.ts'

const model = modelDigest('m')
const answer: CacheValue = { kind: 'answer', labelIndex: 3, confidence: 0.9, exit: 'final' }
const wanted = { model, kind: 'answer', computeMs: 100, bytes: 500 } as const

/** Caches that hear each other at once and ask each other directly. */
function room(...names: string[]) {
  const clock = new VirtualClock()
  const caches = new Map<DeviceId, RoomCache>()
  const asked: string[] = []
  const join = (name: string, own: Partial<RoomCacheOptions> = {}) => {
    const self = deviceId(name)
    const cache = new RoomCache({
      self,
      clock,
      random: seededRandom(1),
      wallClock: () => 0,
      store: memoryStore(),
      verifyShare: 0,
      askMs: () => 10,
      tell: (change) => {
        for (const [other, heard] of caches) if (other !== self) heard.heard(self, change)
      },
      ask: async (device, key) => {
        asked.push(`${name}>${device}`)
        const found = await caches.get(device)?.local.get(key)
        return found && { value: found.value, savedMs: found.meta.savedMs, owner: found.meta.owner }
      },
      ...own,
    })
    caches.set(self, cache)
    return cache
  }
  return { clock, asked, join, caches: names.map((name) => join(name)) as [RoomCache, RoomCache] }
}

describe('a room cache', () => {
  it('answers on another device what one has computed, and keeps the answer with its provenance', async () => {
    const { clock, caches, asked } = room('a', 'b')
    const [a, b] = caches
    await a.put('k', answer, { model, savedMs: 100 })
    await clock.advance(300)
    const first = await b.lookup('k', wanted)
    expect(first).toMatchObject({ value: answer, source: 'room-cache', owner: 'a', givenBy: 'a' })
    const second = await b.lookup('k', wanted)
    expect(second).toMatchObject({ source: 'own-cache', owner: 'a' })
    expect(asked).toEqual(['b>a'])
  })

  it('asks nobody when computing is predicted to be cheaper', async () => {
    const { clock, caches, asked } = room('a', 'b')
    await caches[0].put('k', answer, { model, savedMs: 100 })
    await clock.advance(300)
    expect(await caches[1].lookup('k', { ...wanted, computeMs: 5 })).toBeUndefined()
    expect(asked).toEqual([])
  })

  it('misses when the owner no longer has it or fails, and asks it no more', async () => {
    const { clock, caches, join, asked } = room('a', 'b')
    const broken = join('c', {
      ask: async (device) => {
        asked.push(`c>${device}`)
        throw new Error('gone')
      },
    })
    await caches[0].put('k', answer, { model, savedMs: 100 })
    await clock.advance(300)
    expect(await broken.lookup('k', wanted)).toBeUndefined()
    expect(await broken.lookup('k', wanted)).toBeUndefined()
    expect(asked).toEqual(['c>a'])
  })

  it('a device caught with a wrong answer is not asked again and what came from it goes', async () => {
    const { clock, caches, join, asked } = room('a', 'b')
    const checker = join('c', { verifyShare: 1 })
    const [liar, b] = caches
    await liar.put('k', answer, { model, savedMs: 100 })
    await liar.put('l', answer, { model, savedMs: 100 })
    await clock.advance(300)
    await b.lookup('l', wanted)
    const hit = await checker.lookup('k', wanted)
    expect(hit?.verify).toBe(true)
    if (hit !== undefined) await checker.confirm('k', hit, false)
    asked.length = 0
    expect(await checker.lookup('k', wanted)).toBeUndefined()
    expect(asked).toEqual([])
  })

  it('introduces itself to newcomers and forgets who left', async () => {
    const { caches, clock, join } = room('a', 'b')
    await caches[0].put('k', answer, { model, savedMs: 100 })
    await clock.advance(300)
    const late = join('c')
    expect(await late.lookup('k', wanted)).toBeUndefined()
    for (const change of await caches[0].introduction()) late.heard(deviceId('a'), change)
    expect(await late.lookup('k', wanted)).toMatchObject({ source: 'room-cache' })
    caches[1].gone(deviceId('a'))
    expect(await caches[1].lookup('k', wanted)).toBeUndefined()
    expect(clock.pending).toBeLessThanOrEqual(1)
  })

  it('does not tell what came and went between two messages', async () => {
    const { clock, caches } = room('a', 'b')
    const [a, b] = caches
    await a.put('k', answer, { model, savedMs: 100 })
    await a.local.drop(() => true)
    await clock.advance(300)
    expect(b.stats.foreignKeys).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('bounds what one device can make another remember', () => {
    const index = new RoomIndex({ keysPerDevice: 10 })
    const flood = Array.from({ length: 100 }, (_, i) => `k${i}`)
    index.apply(deviceId('a'), flood, [])
    expect(index.size).toBe(10)
  })
})
