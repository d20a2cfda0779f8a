import type { Clock, DeviceId, ModelDigest, Random } from '@roomful/core'
import type { CacheValue } from './entry.ts'
import { batches, Gossip, type IndexChange } from './gossip.ts'
import { LocalCache, type PutOptions } from './local-cache.ts'
import { RoomIndex } from './room-index.ts'
import type { FeatureStore } from './store/feature-store.ts'

/** What a device answers when it is asked for a key. */
export interface ForeignValue {
  readonly value: CacheValue
  readonly savedMs: number
  /** Who computed it; not always who was asked. */
  readonly owner: DeviceId
}

export interface RoomCacheOptions {
  readonly self: DeviceId
  readonly clock: Clock
  readonly random: Random
  readonly wallClock: () => number
  readonly store: FeatureStore
  readonly maxBytes?: number
  /** Asks a device for a key; undefined when it has it no more. Rejections count as that. */
  readonly ask: (device: DeviceId, key: string, signal?: AbortSignal) => Promise<ForeignValue | undefined>
  /** Tells every linked device. */
  readonly tell: (change: IndexChange) => void
  /** Predicted time of asking that device for a value of so many bytes; undefined when it is not linked. */
  readonly askMs: (device: DeviceId, bytes: number) => number | undefined
  /** Share of foreign answers that are computed all the same, to catch liars, 0..1. Default 0.05. */
  readonly verifyShare?: number
}

export interface Hit {
  readonly value: CacheValue
  readonly savedMs: number
  readonly source: 'own-cache' | 'room-cache'
  /** Who computed it. */
  readonly owner: DeviceId
  /** Who gave it; differs from `owner` when it was passed on. */
  readonly givenBy: DeviceId
  /** Compute it all the same and `confirm` the outcome. */
  readonly verify: boolean
}

export interface LookupOptions {
  readonly model: ModelDigest
  readonly kind: CacheValue['kind']
  /** Predicted time of computing it; a peer is asked only when that is predicted to be cheaper. */
  readonly computeMs: number
  /** Bytes that would come over the link. */
  readonly bytes: number
  readonly signal?: AbortSignal
}

/** The cache of a device and, through the links, of its room. Nothing here ever rejects: what fails is a miss. */
export class RoomCache {
  readonly local: LocalCache
  readonly #o: RoomCacheOptions
  readonly #index = new RoomIndex()
  readonly #gossip: Gossip

  constructor(options: RoomCacheOptions) {
    const { clock, store, wallClock, maxBytes, tell } = options
    this.#o = options
    this.#gossip = new Gossip(clock, tell)
    this.local = new LocalCache({
      store,
      wallClock,
      onChange: (added, removed) => this.#gossip.change(added, removed),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    })
  }

  async lookup(key: string, options: LookupOptions): Promise<Hit | undefined> {
    const { kind, model } = options
    const own = await this.local.get(key)
    // A feature map is keyed by what comes before its cut: any model with the same trunk may use it.
    if (own !== undefined && own.value.kind === kind && (kind === 'feature' || own.meta.model === model)) {
      const { owner, savedMs, foreign } = own.meta
      const verify = foreign && this.#lottery()
      return { value: own.value, savedMs, source: 'own-cache', owner, givenBy: this.#o.self, verify }
    }
    return this.#fromRoom(key, options)
  }

  put(key: string, value: CacheValue, options: Omit<PutOptions, 'owner' | 'foreign'>): Promise<boolean> {
    return this.local.put(key, value, { ...options, owner: this.#o.self, foreign: false })
  }

  /** The outcome of a verification: a device that gave a wrong answer is not asked again, and its entries go. */
  async confirm(key: string, hit: Hit, agreed: boolean): Promise<void> {
    if (agreed) return
    const liars = new Set([hit.givenBy, hit.owner])
    liars.delete(this.#o.self)
    for (const liar of liars) this.#index.distrust(liar)
    await this.local.drop((meta) => meta.key === key || liars.has(meta.owner))
  }

  /** A peer's `cacheIndex`. */
  heard(from: DeviceId, { added, removed }: IndexChange): void {
    this.#index.apply(from, added, removed)
  }

  /** What a newly linked device is told. */
  async introduction(): Promise<readonly IndexChange[]> {
    return batches([...(await this.local.keys())].reverse())
  }

  gone(device: DeviceId): void {
    this.#index.gone(device)
  }

  get stats() {
    return { ...this.local.stats, foreignKeys: this.#index.size }
  }

  close(): void {
    this.#gossip.close()
  }

  async #fromRoom(key: string, options: LookupOptions): Promise<Hit | undefined> {
    const { askMs } = this.#o
    const priced = this.#index.owners(key).flatMap((device) => {
      const ms = askMs(device, options.bytes)
      return ms === undefined || ms >= options.computeMs ? [] : [{ device, ms }]
    })
    for (const { device } of priced.toSorted((a, b) => a.ms - b.ms).slice(0, 2)) {
      const found = await this.#ask(device, key, options)
      if (found === undefined) continue
      const { value, savedMs, owner } = found
      const { model } = options
      if (this.#index.isDistrusted(owner)) continue
      const verify = this.#lottery()
      // Kept with its provenance, unless it is about to be checked.
      if (!verify) await this.local.put(key, value, { model, owner, savedMs, foreign: true })
      return { value, savedMs, source: 'room-cache', owner, givenBy: device, verify }
    }
    return undefined
  }

  #lottery(): boolean {
    const { random, verifyShare = 0.05 } = this.#o
    return random.next() < verifyShare
  }

  async #ask(device: DeviceId, key: string, { kind, signal }: LookupOptions): Promise<ForeignValue | undefined> {
    try {
      const found = await this.#o.ask(device, key, signal)
      if (found?.value.kind === kind) return found
    } catch {
      // It left, or takes too long: computing goes on.
    }
    this.#index.missed(device, key)
    return undefined
  }
}
