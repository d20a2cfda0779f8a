import type { Backend, DeviceId } from '@roomful/core'

/** Time that processors and links were in use, and the bytes that went over each link, by sender and receiver. */
export class Usage {
  readonly #compute = new Map<string, { device: DeviceId; backend: Backend; busyMs: number; runs: number }>()
  readonly #links = new Map<string, { from: DeviceId; to: DeviceId; busyMs: number; bytes: number; messages: number }>()

  computed(device: DeviceId, backend: Backend, ms: number): void {
    const key = `${device} ${backend}`
    const known = this.#compute.get(key) ?? { device, backend, busyMs: 0, runs: 0 }
    known.busyMs += ms
    known.runs++
    this.#compute.set(key, known)
  }

  sent(from: DeviceId, to: DeviceId, bytes: number, mbitPerSecond: number): void {
    const key = `${from} ${to}`
    const known = this.#links.get(key) ?? { from, to, busyMs: 0, bytes: 0, messages: 0 }
    known.busyMs += bytes / (mbitPerSecond * 125)
    known.bytes += bytes
    known.messages++
    this.#links.set(key, known)
  }

  get bytes(): number {
    let sum = 0
    for (const { bytes } of this.#links.values()) sum += bytes
    return sum
  }

  /** Shares of a time, 0..1. */
  over(durationMs: number) {
    const share = (busyMs: number) => (durationMs > 0 ? busyMs / durationMs : 0)
    return {
      devices: [...this.#compute.values()].map((entry) => ({ ...entry, share: share(entry.busyMs) })),
      links: [...this.#links.values()].map((entry) => ({ ...entry, share: share(entry.busyMs) })),
    }
  }

  /** Preparation does not count: everything from now on. */
  reset(): void {
    this.#compute.clear()
    this.#links.clear()
  }
}
