import type { Clock, DeviceId } from '@roomful/core'
import { LoadMeter } from './load-meter.ts'

/**
 * Tells when the load that others put on this device has changed enough to matter: by 0.1 or by whether anything is
 * queued, at most every 500 ms while it works, and once more when it has become idle.
 */
export class LoadReporter {
  readonly #clock: Clock
  readonly #self: DeviceId
  readonly #meter: LoadMeter
  readonly #queued: () => number
  readonly #report: (load: number, queued: number) => void
  #lastAtMs = Number.NEGATIVE_INFINITY
  #lastLoad = 0
  #cancel: (() => void) | undefined

  constructor(options: {
    clock: Clock
    self: DeviceId
    queued: () => number
    report: (load: number, queued: number) => void
    windowMs?: number
  }) {
    this.#clock = options.clock
    this.#self = options.self
    this.#queued = options.queued
    this.#report = options.report
    this.#meter = new LoadMeter(options.clock, options.windowMs ?? 5_000)
  }

  get load(): number {
    return this.#meter.load
  }

  /** A stretch of compute for `owner` has ended; own requests do not count. */
  worked(owner: DeviceId, startMs: number, endMs: number): void {
    if (owner === this.#self) return
    this.#meter.add(startMs, endMs)
    this.#consider()
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #consider(): void {
    const { load } = this.#meter
    const since = this.#clock.now() - this.#lastAtMs
    if (since >= 500 && Math.abs(load - this.#lastLoad) >= 0.1) {
      this.#lastAtMs = this.#clock.now()
      this.#lastLoad = load
      this.#report(load, this.#queued())
    }
    this.#cancel ??= this.#clock.after(1_000, () => {
      this.#cancel = undefined
      // Goes on until the window is empty, so that the room hears of the rest as well as of the work.
      if (this.#meter.load > 0 || this.#lastLoad > 0) this.#settle()
    })
  }

  #settle(): void {
    if (this.#meter.load === 0 && this.#lastLoad > 0) {
      this.#lastLoad = 0
      this.#lastAtMs = this.#clock.now()
      this.#report(0, this.#queued())
      return
    }
    this.#consider()
  }
}
