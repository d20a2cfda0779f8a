import { type DeviceId, ReasonedError } from '@roomful/core'
import type { InstalledPlan } from './installer.ts'

/** Why a device is not to be counted on for now: no sign of life, or it said so. */
export type DownReason = 'silent' | 'away'

/** So long after a doubt beats have told whether the device is alive. */
const DOUBTED_MS = 1000

/** Failures of one request that say nothing about the next one on the same plan. */
const PASSING: readonly string[] = ['overloaded', 'deadline', 'timeout', 'disconnected']

export const isPassing = (error: unknown): boolean => error instanceof ReasonedError && PASSING.includes(error.reason)

/** Which installed plans can take a request at this moment, and which devices have to be prepared again for that. */
export class PlanHealth {
  /** Silent or hidden: what they have built is still there. */
  readonly #down: Readonly<Record<DownReason, Set<DeviceId>>> = { silent: new Set(), away: new Set() }
  /** Devices that may be dead, and until when that is to be thought. */
  readonly #doubted = new Map<DeviceId, number>()
  /** Devices that were gone, by plan: they have forgotten it. */
  readonly #forgotten = new WeakMap<InstalledPlan, Set<DeviceId>>()
  readonly #renewing = new Set<string>()
  /** A stage of it has failed for good. */
  readonly #broken = new WeakSet<InstalledPlan>()

  usable(installed: InstalledPlan, reachable: (device: DeviceId) => boolean): boolean {
    if (this.#broken.has(installed) || (this.#forgotten.get(installed)?.size ?? 0) > 0) return false
    return installed.devices.every((device) => !this.isDown(device) && reachable(device))
  }

  isDown(device: DeviceId): boolean {
    return this.#down.silent.has(device) || this.#down.away.has(device)
  }

  markDoubted(device: DeviceId, nowMs: number): void {
    this.#doubted.set(device, nowMs + DOUBTED_MS)
  }

  /** The device has answered. */
  markAlive(device: DeviceId): void {
    this.#doubted.delete(device)
  }

  isDoubted(device: DeviceId, nowMs: number): boolean {
    return nowMs < (this.#doubted.get(device) ?? Number.NEGATIVE_INFINITY)
  }

  /** Whether that changes anything. */
  markDown(device: DeviceId, why: DownReason): boolean {
    const changed = !this.isDown(device)
    this.#down[why].add(device)
    return changed
  }

  /** Whether that changes anything: a device that is heard again may still be away. */
  markUp(device: DeviceId, why: DownReason): boolean {
    return this.#down[why].delete(device) && !this.isDown(device)
  }

  forgetDevice(device: DeviceId): void {
    this.#doubted.delete(device)
    this.#down.silent.delete(device)
    this.#down.away.delete(device)
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

  /** Whether the device has to be prepared again for the plan, and nobody does it yet. */
  startRenewal(installed: InstalledPlan, device: DeviceId): boolean {
    const forgotten = this.#forgotten.get(installed)?.has(device) ?? false
    const key = `${installed.planId} ${device}`
    if (!forgotten || this.#renewing.has(key)) return false
    this.#renewing.add(key)
    return true
  }

  renewed(installed: InstalledPlan, device: DeviceId, ready: boolean): void {
    this.#renewing.delete(`${installed.planId} ${device}`)
    if (ready) this.#forgotten.get(installed)?.delete(device)
  }
}
