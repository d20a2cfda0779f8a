import { seededRandom, VirtualClock } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../digest.ts'
import { ModelError } from '../error.ts'
import { CHUNK_BYTES, type ManifestFiles } from '../manifest/schema.ts'
import { describeFiles } from '../prepare/files.ts'
import { WeightReader, type WeightReaderOptions } from './reader.ts'
import { chunksOf, coalesce } from './runs.ts'
import { type ChunkSource, MAX_RUN_CHUNKS } from './source.ts'
import { type ChunkStore, memoryStore } from './store.ts'

const noStore: ChunkStore = { get: async () => undefined, put: async () => {} }

function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(seed)
  return Uint8Array.from({ length }, () => random.int(256))
}

/** Five chunks, the last one short. */
const weights = randomBytes(4 * CHUNK_BYTES + 1000, 3)
const file: Promise<ManifestFiles['weights']> = describeFiles(new Uint8Array(), weights).then((files) => files.weights)

/** A source that logs what it is asked for. */
function loggedSource(bytes = weights) {
  const asked: [number, number][] = []
  const source: ChunkSource = {
    async read({ start, end }) {
      asked.push([start, end])
      return bytes.slice(start, end)
    },
  }
  return { asked, source }
}

async function newReader(options: Partial<WeightReaderOptions>): Promise<WeightReader> {
  return new WeightReader({ file: await file, source: loggedSource().source, store: memoryStore(), ...options })
}

describe('runs', () => {
  it('coalesces neighbouring chunks, none longer than a peer may serve', () => {
    expect(coalesce([0, 1, 2, 5, 6, 9])).toEqual([[0, 1, 2], [5, 6], [9]])
    const long = coalesce(Array.from({ length: 40 }, (_, i) => i))
    expect(long.map((run) => run.length)).toEqual([MAX_RUN_CHUNKS, MAX_RUN_CHUNKS, 8])
  })

  it('covers every byte of every range and no chunk without one', () => {
    const range = fc.tuple(fc.nat(5 * CHUNK_BYTES), fc.nat(2 * CHUNK_BYTES)).map(([a, n]) => ({ start: a, end: a + n }))
    fc.assert(
      fc.property(fc.array(range, { maxLength: 5 }), (ranges) => {
        const chunks = chunksOf(ranges)
        for (const { start, end } of ranges) {
          if (end === start) continue
          expect(chunks).toContain(Math.floor(start / CHUNK_BYTES))
          expect(chunks).toContain(Math.floor((end - 1) / CHUNK_BYTES))
        }
        for (const i of chunks) {
          const touched = ranges.some(
            (r) => r.end > r.start && r.start < (i + 1) * CHUNK_BYTES && r.end > i * CHUNK_BYTES,
          )
          expect(touched).toBe(true)
        }
      }),
      { seed: 5, numRuns: 200 },
    )
  })
})

describe('WeightReader', () => {
  it('gives the bytes of any ranges, whatever their order and overlap', async () => {
    const reader = await newReader({})
    const edge = fc.nat(weights.length)
    const range = fc.tuple(edge, edge).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
    await fc.assert(
      fc.asyncProperty(fc.array(range, { maxLength: 4 }), async (ranges) => {
        const parts = await reader.readAll(ranges)
        for (const [i, { start, end }] of ranges.entries()) {
          expect(Buffer.compare(parts[i] ?? new Uint8Array(1), weights.subarray(start, end))).toBe(0)
        }
      }),
      { seed: 7, numRuns: 50 },
    )
  })

  it('asks for whole chunks, neighbours in one request, and only for those needed', async () => {
    const { asked, source } = loggedSource()
    const reader = await newReader({ source })
    await reader.readAll([
      { start: 10, end: 20 },
      { start: CHUNK_BYTES, end: CHUNK_BYTES + 1 },
      { start: 4 * CHUNK_BYTES + 999, end: 4 * CHUNK_BYTES + 1000 },
    ])
    expect(asked).toEqual([
      [0, 2 * CHUNK_BYTES],
      [4 * CHUNK_BYTES, weights.length],
    ])
  })

  it('keeps chunks in the store and does not fetch them again', async () => {
    const { asked, source } = loggedSource()
    const store = memoryStore()
    await (await newReader({ source, store })).read({ start: 0, end: 100 })
    await (await newReader({ source, store })).read({ start: 50, end: 150 })
    expect(asked).toHaveLength(1)
  })

  it('shares one fetch among concurrent readers of a chunk', async () => {
    const { asked, source } = loggedSource()
    const reader = await newReader({ source, store: noStore })
    await Promise.all([
      reader.read({ start: 0, end: 10 }),
      reader.read({ start: 5, end: 99 }),
      reader.read({ start: 1, end: 2 }),
    ])
    expect(asked).toHaveLength(1)
  })

  it('distrusts the store: a damaged entry is fetched anew', async () => {
    const { asked, source } = loggedSource()
    const store: ChunkStore = { get: async () => new Uint8Array(CHUNK_BYTES), put: async () => {} }
    const bytes = await (await newReader({ source, store })).read({ start: 0, end: 100 })
    expect(bytes).toEqual(weights.slice(0, 100))
    expect(asked).toHaveLength(1)
  })

  it('works with a store that always fails', async () => {
    const failing = async () => {
      throw new Error('QuotaExceededError')
    }
    const reader = await newReader({ store: { get: failing, put: failing } })
    expect(await reader.read({ start: 3, end: 9 })).toEqual(weights.slice(3, 9))
  })

  it('retries once, then names the damaged chunk', async () => {
    const { asked, source } = loggedSource(weights.map((byte, i) => (i === CHUNK_BYTES + 5 ? byte ^ 1 : byte)))
    const reader = await newReader({ source })
    const refused = reader.read({ start: CHUNK_BYTES, end: CHUNK_BYTES + 1 })
    await expect(refused).rejects.toMatchObject({ reason: 'corrupt', message: expect.stringContaining('chunk 1') })
    expect(asked).toHaveLength(2)
  })

  it('recovers when the second attempt succeeds, and after a failed read', async () => {
    let failures = 3
    const source: ChunkSource = {
      async read({ start, end }) {
        if (failures-- > 0) throw new Error('connection reset')
        return weights.slice(start, end)
      },
    }
    const reader = await newReader({ source })
    await expect(reader.read({ start: 0, end: 1 })).rejects.toMatchObject({ reason: 'network' })
    expect(await reader.read({ start: 0, end: 1 })).toEqual(weights.slice(0, 1))
  })

  it('refuses a source that sends too few bytes', async () => {
    const reader = await newReader({ source: { read: async () => new Uint8Array(3) } })
    await expect(reader.read({ start: 0, end: 1 })).rejects.toMatchObject({ reason: 'corrupt' })
  })

  it('refuses ranges outside the file', async () => {
    const reader = await newReader({})
    await expect(reader.read({ start: 0, end: weights.length + 1 })).rejects.toBeInstanceOf(ModelError)
    await expect(reader.read({ start: -1, end: 1 })).rejects.toBeInstanceOf(ModelError)
  })

  it('aborts the request when its last reader leaves, not before', async () => {
    const signals: AbortSignal[] = []
    const source: ChunkSource = {
      read: (_range, signal) =>
        new Promise((_, reject) => {
          if (signal === undefined) return
          signals.push(signal)
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    }
    const reader = await newReader({ source, store: noStore })
    const first = new AbortController()
    const second = new AbortController()
    const one = reader.read({ start: 0, end: 1 }, first.signal)
    const two = reader.read({ start: 0, end: 1 }, second.signal)
    const outcomes = Promise.allSettled([one, two])
    await until(() => signals.length === 1)
    first.abort(new Error('first leaves'))
    await expect(one).rejects.toThrow('first leaves')
    expect(signals[0]?.aborted).toBe(false)
    second.abort(new Error('second leaves'))
    await outcomes
    expect(signals[0]?.aborted).toBe(true)
    expect(signals).toHaveLength(1)
  })

  it('gives up on a silent source after two deadlines', async () => {
    const clock = new VirtualClock()
    const silent: ChunkSource = { read: () => new Promise(() => {}) }
    const reader = await newReader({ source: silent, clock, timeoutMs: 500 })
    const refused = expect(reader.read({ start: 0, end: 1 })).rejects.toMatchObject({ reason: 'network' })
    await until(() => clock.pending === 1)
    await clock.advance(500)
    await until(() => clock.pending === 1)
    await clock.advance(500)
    await refused
    expect(clock.pending).toBe(0)
  })

  it('reports progress in bytes, and what came over the network', async () => {
    const store = memoryStore()
    const reader = await newReader({ store })
    await reader.read({ start: 0, end: 1 })
    const seen: number[][] = []
    await reader.readAll([{ start: 0, end: 2 * CHUNK_BYTES }], {
      onProgress: ({ doneBytes, fetchedBytes, totalBytes }) => seen.push([doneBytes, fetchedBytes, totalBytes]),
    })
    expect(seen.at(-1)).toEqual([2 * CHUNK_BYTES, CHUNK_BYTES, 2 * CHUNK_BYTES])
  })
})

describe('memoryStore', () => {
  it('stays within its bytes and forgets the least recently used', async () => {
    const store = memoryStore(250)
    const chunk = (fill: number) => new Uint8Array(100).fill(fill)
    await store.put('a', chunk(1))
    await store.put('b', chunk(2))
    await store.get('a')
    await store.put('c', chunk(3))
    expect(await store.get('b')).toBeUndefined()
    expect(await store.get('a')).toEqual(chunk(1))
    await store.put('huge', new Uint8Array(300))
    expect(await store.get('huge')).toBeUndefined()
    expect(await store.get('c')).toEqual(chunk(3))
  })
})

describe('sha256', () => {
  it('is the digest of FIPS 180-2 for "abc"', async () => {
    expect(await sha256(new TextEncoder().encode('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
  })
})

/** Lets the event loop turn until `condition` holds: hashing ends on a thread of its own. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
