import type { DeviceId, RequestId } from '@roomful/core'

/**
 * Requests that ended early, remembered for a while: their feature maps may still be on the way over another link. The
 * oldest are forgotten first.
 */
export class CancelledRequests {
  readonly #limit: number
  readonly #keys = new Set<string>()

  constructor(limit = 1024) {
    this.#limit = limit
  }

  add(initiator: DeviceId, request: RequestId): void {
    this.#keys.add(`${initiator} ${request}`)
    for (const oldest of this.#keys) {
      if (this.#keys.size <= this.#limit) break
      this.#keys.delete(oldest)
    }
  }

  has(initiator: DeviceId, request: RequestId): boolean {
    return this.#keys.has(`${initiator} ${request}`)
  }
}
