import type { DeviceId } from '@roomful/core'

export interface RoomIndexLimits {
  /** Keys remembered per device: nobody can fill another's memory. */
  readonly keysPerDevice: number
}

/**
 * Which device of the room says that it has which keys. A device that was caught lying is not listened to any more; it
 * is forgotten, good or bad, when it leaves.
 */
export class RoomIndex {
  readonly #limits: RoomIndexLimits
  readonly #held = new Map<DeviceId, Set<string>>()
  readonly #distrusted = new Set<DeviceId>()

  constructor(limits: RoomIndexLimits = { keysPerDevice: 20_000 }) {
    this.#limits = limits
  }

  apply(device: DeviceId, added: readonly string[], removed: readonly string[]): void {
    if (this.#distrusted.has(device)) return
    const keys = this.#held.get(device) ?? new Set()
    for (const key of removed) keys.delete(key)
    for (const key of added) {
      if (keys.size >= this.#limits.keysPerDevice) break
      keys.add(key)
    }
    this.#held.set(device, keys)
  }

  owners(key: string): DeviceId[] {
    return [...this.#held].flatMap(([device, keys]) => (keys.has(key) ? [device] : []))
  }

  /** It did not have what it had announced. */
  missed(device: DeviceId, key: string): void {
    this.#held.get(device)?.delete(key)
  }

  distrust(device: DeviceId): void {
    this.#held.delete(device)
    this.#distrusted.add(device)
  }

  isDistrusted(device: DeviceId): boolean {
    return this.#distrusted.has(device)
  }

  gone(device: DeviceId): void {
    this.#held.delete(device)
    this.#distrusted.delete(device)
  }

  get size(): number {
    let keys = 0
    for (const held of this.#held.values()) keys += held.size
    return keys
  }
}
