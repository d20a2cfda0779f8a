import { deviceId, modelDigest, VirtualClock } from '@roomful/core'
import { beforeEach, expect, it, vi } from 'vitest'
import type { CacheEntry, CacheValue } from '../entry.ts'
import { memoryStore } from './memory-store.ts'
import { WriteBehind } from './write-behind.ts'

const feature = (bytes: number): CacheValue => ({ kind: 'feature', tensor: 't' as never, bytes: new Uint8Array(bytes) })
const answer: CacheValue = { kind: 'answer', labelIndex: 3, confidence: 0.9, exit: 'final' as never }
const entry = (key: string, value: CacheValue = answer, bytes = 32): CacheEntry => ({
  meta: {
    key,
    kind: value.kind,
    model: modelDigest('0'.repeat(64)),
    owner: deviceId('me'),
    foreign: false,
    savedMs: 10,
    uses: 0,
    bytes,
    storedAt: 0,
  },
  value,
})

let clock: VirtualClock
let inner: ReturnType<typeof memoryStore>
let store: WriteBehind
beforeEach(() => {
  clock = new VirtualClock()
  inner = memoryStore()
  store = new WriteBehind(inner, clock)
})

it('writes a burst as one batch when it is over, and finds what has not been written', async () => {
  const put = vi.spyOn(inner, 'put')
  for (const key of ['a', 'b', 'c']) {
    await store.put([entry(key, feature(4))])
    await clock.advance(50)
  }
  expect(put).not.toHaveBeenCalled()
  expect(await store.get('b')).toEqual(feature(4))
  await clock.advance(200)
  expect(put).toHaveBeenCalledOnce()
  expect(await inner.get('c')).toEqual(feature(4))
})

it('writes at the latest after two seconds of steady work', async () => {
  const put = vi.spyOn(inner, 'put')
  for (let i = 0; i < 25; i++) {
    await store.put([entry(`k${i}`)])
    await clock.advance(100)
  }
  expect(put).toHaveBeenCalledOnce()
})

it('bounds what waits by number and by bytes', async () => {
  const put = vi.spyOn(inner, 'put')
  for (let i = 0; i < 256; i++) await store.put([entry(`k${i}`)])
  expect(put).toHaveBeenCalledOnce()
  await store.put([entry('large', feature(1), 9 << 20)])
  expect(put).toHaveBeenCalledTimes(2)
})

it('reads an answer again from memory', async () => {
  await inner.put([entry('a')])
  const get = vi.spyOn(inner, 'get')
  expect([await store.get('a'), await store.get('a')]).toEqual([answer, answer])
  expect(get).toHaveBeenCalledOnce()
})

it('forgets what is deleted, written or not', async () => {
  await store.put([entry('a'), entry('b')])
  await store.delete(['a'])
  await store.flush()
  await store.delete(['b'])
  expect([await store.get('a'), await store.get('b')]).toEqual([undefined, undefined])
  expect(await store.entries()).toEqual([])
})

it('tells the next put of a batch that failed, once, and forgets the batch', async () => {
  vi.spyOn(inner, 'put').mockRejectedValueOnce(new Error('full'))
  await store.put([entry('a')])
  await clock.advance(200)
  await store.flush()
  expect(await store.get('a')).toBeUndefined()
  await expect(store.put([entry('b')])).rejects.toThrow('full')
  await store.put([entry('c')])
  await store.flush()
  expect(await inner.get('c')).toEqual(answer)
})
