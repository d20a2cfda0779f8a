import { type ForeignValue, type IndexChange, RoomCache, type RoomCacheOptions } from '@roomful/cache'
import type { DeviceId } from '@roomful/core'
import type { ReplyOf } from '@roomful/protocol'
import type { Room } from '@roomful/transport'

/** Round trip that is reckoned with until a link has been measured. */
const UNKNOWN_RTT_MS = 50

export interface RoomCacheLinkOptions extends Omit<RoomCacheOptions, 'self' | 'ask' | 'tell' | 'askMs'> {
  readonly room: Room
}

/** A device's cache on its room's links: serves and asks entries, gossips the index, forgets who leaves. */
export class RoomCacheLink {
  readonly cache: RoomCache
  readonly #room: Room
  readonly #undo: (() => void)[]
  readonly #introduced = new Set<DeviceId>()

  constructor({ room, ...options }: RoomCacheLinkOptions) {
    this.#room = room
    this.cache = new RoomCache({
      ...options,
      self: room.self,
      askMs: (device, bytes) => askMs(room, device, bytes),
      ask: (device, key, signal) => this.#ask(device, key, signal),
      tell: (change) => {
        for (const device of this.#introduced) this.#tell(device, change)
      },
    })
    this.#undo = [
      room.handle('cacheGet', ({ key }) => this.#answer(key)),
      room.onNotice('cacheIndex', ({ added, removed }, from) => this.cache.heard(from, { added, removed })),
      room.on('peer', (id, { link }) => {
        if (link === 'connected') this.#introduce(id)
        else if (link === 'lost') this.#gone(id)
      }),
      room.on('gone', (id) => this.#gone(id)),
    ]
    for (const [id, { link }] of room.peers) if (link === 'connected') this.#introduce(id)
  }

  close(): void {
    for (const undo of this.#undo.splice(0)) undo()
    this.cache.close()
  }

  #introduce(device: DeviceId): void {
    if (this.#introduced.has(device)) return
    this.#introduced.add(device)
    void this.cache.introduction().then((changes) => {
      for (const change of changes) if (this.#introduced.has(device)) this.#tell(device, change)
    })
  }

  #gone(device: DeviceId): void {
    this.#introduced.delete(device)
    this.cache.gone(device)
  }

  #tell(device: DeviceId, { added, removed }: IndexChange): void {
    // A lost message costs a later miss, never an answer.
    this.#room.notify(device, 'cacheIndex', { added, removed }, { timeoutMs: 10_000, priority: 'bulk' }).catch(() => {})
  }

  async #answer(key: string): Promise<ReplyOf<'cacheGet'>> {
    const found = await this.cache.local.get(key)
    if (found === undefined) return { hit: false }
    const { savedMs, owner } = found.meta
    const { value } = found
    if (value.kind === 'feature') {
      return { hit: true, feature: { tensor: value.tensor, savedMs, owner }, blobs: [value.bytes] }
    }
    const { labelIndex, confidence, exit } = value
    return { hit: true, entry: { labelIndex, confidence, exit, savedMs, owner } }
  }

  async #ask(device: DeviceId, key: string, signal: AbortSignal | undefined): Promise<ForeignValue | undefined> {
    const timeoutMs = 4 * (askMs(this.#room, device, 0) ?? UNKNOWN_RTT_MS) + 250
    const reply = await this.#room.request(device, 'cacheGet', { key }, { timeoutMs, signal, priority: 'control' })
    if (!reply.hit) return undefined
    const { entry, feature, blobs = [] } = reply
    if (entry !== undefined) {
      const { labelIndex, confidence, exit, savedMs, owner } = entry
      return { value: { kind: 'answer', labelIndex, confidence, exit }, savedMs, owner }
    }
    const [bytes] = blobs
    if (feature === undefined || bytes === undefined) return undefined
    const { tensor, savedMs, owner } = feature
    return { value: { kind: 'feature', tensor, bytes }, savedMs, owner }
  }
}

/** One round trip and the bytes, as far as the link has been measured. */
function askMs(room: Room, device: DeviceId, bytes: number): number | undefined {
  const peer = room.peers.get(device)
  if (peer?.link !== 'connected') return undefined
  const { rttMs = UNKNOWN_RTT_MS, mbitPerSecond = 20 } = peer
  return rttMs + (bytes * 8) / (mbitPerSecond * 1000)
}
