import type { DeviceId, ModelDigest } from '@roomful/core'
import { type CacheValue, type EntryMeta, entryBytes } from './entry.ts'
import { victims } from './eviction.ts'
import type { FeatureStore } from './store/feature-store.ts'

export interface LocalCacheOptions {
  readonly store: FeatureStore
  /** Most bytes of all entries. Default 64 MiB. */
  readonly maxBytes?: number
  /** Most entries. Default 20,000. */
  readonly maxEntries?: number
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  /** Keys that the cache gained or lost: what the room is told. */
  readonly onChange?: (added: readonly string[], removed: readonly string[]) => void
}

export interface PutOptions {
  readonly model: ModelDigest
  readonly owner: DeviceId
  /** It came from another device. */
  readonly foreign: boolean
  readonly savedMs: number
}

/** This device's entries: bounded, evicted by worth, and never in the way: whatever fails is a miss. */
export class LocalCache {
  readonly #o: LocalCacheOptions
  readonly #metas = new Map<string, EntryMeta>()
  #loaded: Promise<void> | undefined
  #bytes = 0
  #failures = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(options: LocalCacheOptions) {
    this.#o = options
  }

  get stats() {
    return { entries: this.#metas.size, bytes: this.#bytes, failures: this.#failures }
  }

  async keys(): Promise<readonly string[]> {
    await this.#load()
    return [...this.#metas.keys()]
  }

  async has(key: string): Promise<boolean> {
    await this.#load()
    return this.#metas.has(key)
  }

  /** A hit counts as a use. Never rejects. */
  async get(key: string): Promise<{ readonly meta: EntryMeta; readonly value: CacheValue } | undefined> {
    await this.#load()
    const meta = this.#metas.get(key)
    if (meta === undefined) return undefined
    const value = await this.#safely(() => this.#o.store.get(key))
    if (value === undefined || value.kind !== meta.kind) {
      this.#forget(key)
      return undefined
    }
    const used = { ...meta, uses: meta.uses + 1 }
    if (this.#metas.has(key)) this.#metas.set(key, used)
    return { meta: used, value }
  }

  /** Keeps a value if it is worth its bytes. Resolves when it is stored or refused; never rejects. */
  put(key: string, value: CacheValue, { model, owner, foreign, savedMs }: PutOptions): Promise<boolean> {
    const storedAt = this.#o.wallClock()
    const bytes = entryBytes(value)
    return this.#serially(async () => {
      await this.#load()
      const uses = this.#metas.get(key)?.uses ?? 0
      const meta: EntryMeta = { key, kind: value.kind, model, owner, foreign, savedMs, uses, bytes, storedAt }
      const gone = this.#room(meta)
      if (gone === undefined) return false
      await this.#remove(gone)
      const stored = await this.#safely(async () => {
        await this.#o.store.put([{ meta, value }])
        return true
      })
      if (stored !== true) {
        this.#forget(key)
        return false
      }
      const known = this.#metas.get(key)
      this.#metas.set(key, meta)
      this.#bytes += bytes - (known?.bytes ?? 0)
      if (known === undefined) this.#o.onChange?.([key], [])
      return true
    })
  }

  /** Forgets what came from a device (it has lied) or everything that `match` says. */
  drop(match: (meta: EntryMeta) => boolean): Promise<void> {
    return this.#serially(async () => {
      await this.#load()
      await this.#remove([...this.#metas.values()].filter(match).map(({ key }) => key))
    })
  }

  #room(meta: EntryMeta): readonly string[] | undefined {
    const { maxBytes = 64 << 20, maxEntries = 20_000 } = this.#o
    const gone = victims(this.#metas.values(), meta, maxBytes)
    if (gone === undefined || this.#metas.has(meta.key) || this.#metas.size - gone.length < maxEntries) return gone
    const oldest = this.#metas.keys().next()
    return oldest.done ? gone : [...gone, oldest.value]
  }

  async #remove(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    for (const key of keys) this.#forget(key)
    await this.#safely(() => this.#o.store.delete(keys))
  }

  #forget(key: string): void {
    const meta = this.#metas.get(key)
    if (meta === undefined) return
    this.#metas.delete(key)
    this.#bytes -= meta.bytes
    this.#o.onChange?.([], [key])
  }

  /** What is stored from earlier visits; read once. */
  #load(): Promise<void> {
    this.#loaded ??= (async () => {
      const metas = (await this.#safely(() => this.#o.store.entries())) ?? []
      for (const meta of metas) {
        this.#metas.set(meta.key, meta)
        this.#bytes += meta.bytes
      }
    })()
    return this.#loaded
  }

  async #safely<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch {
      this.#failures++
      return undefined
    }
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => {})
    return done
  }
}
