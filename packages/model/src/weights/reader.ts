import { type Clock, type Range, systemClock } from '@roomful/core'
import { sha256 } from '../digest.ts'
import { ModelError } from '../error.ts'
import { CHUNK_BYTES, type ManifestFiles } from '../manifest/schema.ts'
import { fetchChunks } from './fetch-chunks.ts'
import { type Flight, type Landed, newFlight, type Run } from './flight.ts'
import { chunksOf, coalesce, extentOf } from './runs.ts'
import type { ChunkSource } from './source.ts'
import type { ChunkStore } from './store.ts'

/** Progress of one read, in bytes of whole chunks. `fetchedBytes` came from the source, the rest from the store. */
export interface WeightProgress {
  readonly doneBytes: number
  readonly fetchedBytes: number
  readonly totalBytes: number
}

export interface WeightReaderOptions {
  readonly file: ManifestFiles['weights']
  readonly source: ChunkSource
  readonly store: ChunkStore
  readonly clock?: Clock
  /** Longest wait for one request of at most 4 MiB, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number
  /** Requests to the source at once. Default 4. */
  readonly parallel?: number
}

/** Chunks looked up in the store at once; a browser's store takes milliseconds for each. */
const STORE_LOOKUPS = 16

/**
 * Reads ranges of weights.bin through a store: whole chunks, each checked against its SHA-256, neighbours in one request,
 * concurrent wishes for one chunk in one fetch, one retry per request. A failing store costs time, never the read.
 */
export class WeightReader implements ChunkSource {
  readonly #options: WeightReaderOptions
  readonly #flights = new Map<number, Flight>()
  readonly #queue: Run[] = []
  #active = 0

  constructor(options: WeightReaderOptions) {
    this.#options = options
  }

  /** One range, for a peer that asks. @throws as `readAll` */
  async read(range: Range, signal?: AbortSignal): Promise<Uint8Array> {
    const [bytes] = await this.readAll([range], signal === undefined ? {} : { signal })
    return bytes ?? new Uint8Array()
  }

  /**
   * The bytes of each range, in the order given.
   * @throws ModelError `network`, `corrupt`, or `too-large` when a range is outside the file; `signal.reason`
   */
  async readAll(
    ranges: readonly Range[],
    options: { signal?: AbortSignal; onProgress?: (progress: WeightProgress) => void } = {},
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const { signal, onProgress } = options
    signal?.throwIfAborted()
    for (const { start, end } of ranges) {
      if (!(start >= 0 && start <= end && end <= this.#options.file.bytes)) {
        throw new ModelError(
          'too-large',
          `weights [${start}, ${end}) are outside the file's ${this.#options.file.bytes} bytes`,
        )
      }
    }
    const out = ranges.map(({ start, end }) => new Uint8Array(end - start))
    const indexes = chunksOf(ranges)
    const { bytes: fileBytes } = this.#options.file
    const totalBytes = indexes.reduce((sum, index) => {
      const { start, end } = extentOf(index, fileBytes)
      return sum + end - start
    }, 0)
    let doneBytes = 0
    let fetchedBytes = 0
    const flights = this.#board(indexes)
    await this.#wait(flights, signal, (index, { bytes, fetched }) => {
      copyChunk(index, bytes, ranges, out)
      doneBytes += bytes.length
      if (fetched) fetchedBytes += bytes.length
      onProgress?.({ doneBytes, fetchedBytes, totalBytes })
    })
    return out
  }

  /** Joins the flights under way and starts the others. */
  #board(indexes: readonly number[]): Flight[] {
    const started: Flight[] = []
    const flights = indexes.map((index) => {
      let flight = this.#flights.get(index)
      if (flight === undefined) {
        flight = newFlight(index)
        this.#flights.set(index, flight)
        started.push(flight)
      }
      flight.waiters++
      return flight
    })
    if (started.length > 0) void this.#start(started)
    return flights
  }

  async #wait(
    flights: readonly Flight[],
    signal: AbortSignal | undefined,
    onLanded: (index: number, landed: Landed) => void,
  ): Promise<void> {
    const onAbort = () => abort?.(signal?.reason)
    let abort: ((reason: unknown) => void) | undefined
    const aborted = new Promise<never>((_, reject) => {
      abort = reject
    })
    aborted.catch(() => {})
    signal?.addEventListener('abort', onAbort, { once: true })
    let open = true
    try {
      const all = flights.map(async (flight) => {
        const landed = await flight.done
        if (open) onLanded(flight.index, landed)
      })
      await Promise.race([Promise.all(all), aborted])
    } finally {
      open = false
      signal?.removeEventListener('abort', onAbort)
      for (const flight of flights) this.#leave(flight)
    }
  }

  #leave(flight: Flight): void {
    flight.waiters--
    if (flight.waiters > 0) return
    if (this.#flights.get(flight.index) === flight) this.#flights.delete(flight.index)
    if (flight.run?.flights.every((other) => other.waiters === 0)) flight.run.controller.abort()
  }

  /** Looks in the store first, then queues the misses as runs. Never rejects: each flight carries its own outcome. */
  async #start(flights: readonly Flight[]): Promise<void> {
    const misses: Flight[] = []
    for (let i = 0; i < flights.length; i += STORE_LOOKUPS) {
      const group = flights.slice(i, i + STORE_LOOKUPS)
      const found = await Promise.all(group.map((flight) => this.#fromStore(flight.index)))
      for (const [k, flight] of group.entries()) {
        const bytes = found[k]
        if (bytes === undefined) misses.push(flight)
        else flight.land({ bytes, fetched: false })
      }
    }
    const wanted = new Map(misses.filter((flight) => flight.waiters > 0).map((flight) => [flight.index, flight]))
    for (const indexes of coalesce([...wanted.keys()])) {
      const members = indexes.map((index) => wanted.get(index) as Flight)
      const run: Run = { flights: members, controller: new AbortController() }
      for (const flight of members) flight.run = run
      this.#queue.push(run)
    }
    this.#pump()
  }

  #pump(): void {
    while (this.#active < (this.#options.parallel ?? 4)) {
      const run = this.#queue.shift()
      if (run === undefined) return
      this.#active++
      void this.#fetch(run).finally(() => {
        this.#active--
        this.#pump()
      })
    }
  }

  async #fetch(run: Run): Promise<void> {
    const { file, source, clock = systemClock, timeoutMs = 60_000 } = this.#options
    const { signal } = run.controller
    const indexes = run.flights.map((flight) => flight.index)
    const once = () => fetchChunks(indexes, { file, source, clock, timeoutMs, signal })
    try {
      const chunks = await once().catch((error: unknown) => {
        signal.throwIfAborted()
        if (error instanceof ModelError && error.reason === 'too-large') throw error
        return once()
      })
      for (const [i, flight] of run.flights.entries()) {
        const bytes = chunks[i] as Uint8Array
        flight.land({ bytes, fetched: true })
        this.#keep(flight.index, bytes)
      }
    } catch (error) {
      for (const flight of run.flights) {
        if (this.#flights.get(flight.index) === flight) this.#flights.delete(flight.index)
        flight.fail(error)
      }
    }
  }

  async #fromStore(index: number): Promise<Uint8Array | undefined> {
    const key = this.#options.file.chunks[index] as string
    try {
      const bytes = await this.#options.store.get(key)
      return bytes !== undefined && (await sha256(bytes)) === key ? bytes : undefined
    } catch {
      return undefined
    }
  }

  #keep(index: number, bytes: Uint8Array): void {
    this.#options.store.put(this.#options.file.chunks[index] as string, bytes).catch(() => {
      // Storage full or refused: the chunk is fetched again next time.
    })
  }
}

/** Copies the parts of a chunk that the ranges want into their outputs. */
function copyChunk(index: number, chunk: Uint8Array, ranges: readonly Range[], out: readonly Uint8Array[]): void {
  const base = index * CHUNK_BYTES
  for (const [i, { start, end }] of ranges.entries()) {
    const from = Math.max(start, base)
    const to = Math.min(end, base + chunk.length)
    if (from < to) out[i]?.set(chunk.subarray(from - base, to - base), from - start)
  }
}
