import type { Clock, DeviceId } from '@roomful/core'

/** A device that could not prepare is left out of automatic plans for this long. */
const EXCLUDE_MS = 30_000

/** Devices that are left out for a while; `onBack` when one may be tried again. */
export class Exclusions {
  readonly #clock: Clock
  readonly #onBack: () => void
  readonly #cancel = new Map<DeviceId, () => void>()

  constructor(clock: Clock, onBack: () => void) {
    this.#clock = clock
    this.#onBack = onBack
  }

  has(id: DeviceId): boolean {
    return this.#cancel.has(id)
  }

  add(id: DeviceId): void {
    this.#cancel.get(id)?.()
    const back = () => {
      this.#cancel.delete(id)
      this.#onBack()
    }
    this.#cancel.set(id, this.#clock.after(EXCLUDE_MS, back))
  }

  close(): void {
    for (const cancel of this.#cancel.values()) cancel()
    this.#cancel.clear()
  }
}
