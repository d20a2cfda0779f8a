import type { DeviceId } from '@roomful/core'

/** Tokens at the start, and most. */
const MOST = 10
/** Tokens that an answer in time gives back. */
const GIVEN_BACK = 0.5

/**
 * How many late requests an initiator may have completed a second time. A late answer means a stuck device or a busy
 * room, and in a busy room a second completion only adds to what makes answers late. So there is one at a time, and each
 * costs a token of ten; answers in time give half a token back, and with five tokens or fewer none is started (as gRPC
 * throttles hedged calls, its proposal A6; the idea of bounding them is in Dean and Barroso, The Tail at Scale, 2013).
 * A second completion that was started for want of a device which turns out to be dead has cost nothing: it was right.
 * A request that has used up half of its time needs no tokens, only its turn: what holds it is stuck, whatever it is.
 */
export class SecondCompletions {
  #tokens = MOST
  #holder: object | undefined
  /** Tokens spent for want of a device that has not been heard of since. */
  readonly #spent = new Map<DeviceId, number>()

  /** An answer came before it was late: these devices are alive. */
  inTime(devices: readonly DeviceId[] = []): void {
    this.#tokens = Math.min(MOST, this.#tokens + GIVEN_BACK)
    for (const device of devices) this.#spent.delete(device)
  }

  /** Whether `request` may start one now, for want of `devices`; it then holds the turn until `release`. */
  take(request: object, urgent: boolean, devices: readonly DeviceId[] = []): boolean {
    if (this.#holder !== undefined && (this.#holder !== request || !urgent)) return false
    if (!urgent && this.#tokens <= MOST / 2) return false
    const cost = Math.min(1, this.#tokens)
    this.#tokens -= cost
    for (const device of devices) this.#spent.set(device, (this.#spent.get(device) ?? 0) + cost)
    this.#holder = request
    return true
  }

  /** The device is dead or silent: who did not wait for it was right. */
  justified(device: DeviceId): void {
    this.#tokens = Math.min(MOST, this.#tokens + (this.#spent.get(device) ?? 0))
    this.#spent.delete(device)
  }

  /** The request has ended. */
  release(request: object): void {
    if (this.#holder === request) this.#holder = undefined
  }
}
