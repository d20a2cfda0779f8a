import type { Clock } from '@roomful/core'
import type { CacheEntry, CacheValue } from '../entry.ts'
import type { FeatureStore } from './feature-store.ts'

/** A batch is written when nothing has been put for this long, and at the latest after the second time. */
const QUIET_MS = 200
const LATEST_MS = 2_000
/** With so much waiting, a batch is written at once, and whoever puts waits for it. */
const MAX_WAITING = 256
const MAX_WAITING_BYTES = 8 << 20
/** Answers that are kept in memory, the newest: they are small, and reading one from storage takes a weak phone 20 ms. */
const MAX_ANSWERS = 4_096

/**
 * Gathers writes for a moment, because each transaction of a browser's storage costs about as much as a request's whole
 * networking. What has not been written is lost with the page: a cache may forget. A batch that fails makes the next `put`
 * fail, and is forgotten.
 */
export class WriteBehind implements FeatureStore {
  readonly #store: FeatureStore
  readonly #clock: Clock
  readonly #waiting = new Map<string, CacheEntry>()
  readonly #answers = new Map<string, CacheValue>()
  #waitingBytes = 0
  #sinceMs = 0
  #cancel: () => void = () => {}
  #writing: Promise<void> = Promise.resolve()
  /** What is being written is still found. */
  #batch: ReadonlyMap<string, CacheEntry> = new Map()
  #failure: { readonly error: unknown } | undefined

  constructor(store: FeatureStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async get(key: string): Promise<CacheValue | undefined> {
    const held = this.#waiting.get(key)?.value ?? this.#batch.get(key)?.value ?? this.#answers.get(key)
    if (held !== undefined) return held
    const value = await this.#store.get(key)
    if (value !== undefined) this.#remember(key, value)
    return value
  }

  async put(entries: readonly CacheEntry[]): Promise<void> {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
    if (this.#waiting.size === 0) this.#sinceMs = this.#clock.now()
    for (const entry of entries) {
      this.#waitingBytes += entry.meta.bytes - (this.#waiting.get(entry.meta.key)?.meta.bytes ?? 0)
      this.#waiting.set(entry.meta.key, entry)
      this.#remember(entry.meta.key, entry.value)
    }
    this.#cancel()
    if (this.#waiting.size >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES) {
      await this.flush()
      return
    }
    const leftMs = this.#sinceMs + LATEST_MS - this.#clock.now()
    this.#cancel = this.#clock.after(Math.max(0, Math.min(QUIET_MS, leftMs)), () => void this.flush())
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.#waitingBytes -= this.#waiting.get(key)?.meta.bytes ?? 0
      this.#waiting.delete(key)
      this.#answers.delete(key)
    }
    // Behind a batch that may hold them.
    await this.#writing
    await this.#store.delete(keys)
  }

  async entries() {
    await this.flush()
    return this.#store.entries()
  }

  /** Writes what waits; never rejects. */
  flush(): Promise<void> {
    this.#cancel()
    this.#writing = this.#writing.then(async () => {
      if (this.#waiting.size === 0) return
      const batch = new Map(this.#waiting)
      this.#batch = batch
      this.#waiting.clear()
      this.#waitingBytes = 0
      try {
        await this.#store.put([...batch.values()])
      } catch (error) {
        for (const key of batch.keys()) this.#answers.delete(key)
        this.#failure = { error }
      }
      this.#batch = new Map()
    })
    return this.#writing
  }

  #remember(key: string, value: CacheValue): void {
    if (value.kind !== 'answer') return
    this.#answers.delete(key)
    this.#answers.set(key, value)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > MAX_ANSWERS && oldest !== undefined) this.#answers.delete(oldest)
  }
}
