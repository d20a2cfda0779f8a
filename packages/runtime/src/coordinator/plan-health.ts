import type { DeviceId } from '@roomful/core'
import type { InstalledPlan } from './installer.ts'

/** Which installed plans can take a request at this moment, and which devices have to be prepared again for that. */
export class PlanHealth {
  /** Silent or hidden: what they have built is still there. */
  readonly #down = new Set<DeviceId>()
  /** Devices that were gone, by plan: they have forgotten it. */
  readonly #forgotten = new WeakMap<InstalledPlan, Set<DeviceId>>()
  /** A stage of it has failed for good. */
  readonly #broken = new WeakSet<InstalledPlan>()

  usable(installed: InstalledPlan, reachable: (device: DeviceId) => boolean): boolean {
    if (this.#broken.has(installed) || (this.#forgotten.get(installed)?.size ?? 0) > 0) return false
    return installed.devices.every((device) => !this.#down.has(device) && reachable(device))
  }

  isDown(device: DeviceId): boolean {
    return this.#down.has(device)
  }

  /** False when it was known already. */
  markDown(device: DeviceId): boolean {
    if (this.#down.has(device)) return false
    this.#down.add(device)
    return true
  }

  /** False when it was not down. */
  markUp(device: DeviceId): boolean {
    return this.#down.delete(device)
  }

  /** False when it was known already. */
  markBroken(installed: InstalledPlan): boolean {
    if (this.#broken.has(installed)) return false
    this.#broken.add(installed)
    return true
  }

  markForgotten(installed: InstalledPlan, device: DeviceId): void {
    if (!installed.devices.includes(device)) return
    const devices = this.#forgotten.get(installed) ?? new Set()
    devices.add(device)
    this.#forgotten.set(installed, devices)
  }

  hasForgotten(installed: InstalledPlan, device: DeviceId): boolean {
    return this.#forgotten.get(installed)?.has(device) ?? false
  }

  renewed(installed: InstalledPlan, device: DeviceId): void {
    this.#forgotten.get(installed)?.delete(device)
  }
}
