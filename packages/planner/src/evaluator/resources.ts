import { resourceNumbers } from './checkpoint.ts'

/**
 * Who is busy until when. A transfer occupies the sender's uplink and the receiver's downlink, each serving in the order
 * of the requests made of it; neither waits for the other's queue, because the transport interleaves messages.
 */
export class Resources {
  readonly processorFree: Float64Array
  readonly processorBusy: Float64Array
  readonly upFree: Float64Array
  readonly upBusy: Float64Array
  readonly downFree: Float64Array
  readonly downBusy: Float64Array
  readonly codecFree: Float64Array
  readonly codecBusy: Float64Array
  /** Of each device that computes on a throttled processor, the share of its work's time that bursts would save; 0 of others. */
  readonly throttled: Float64Array
  /** `sentMs[from * devices + to]`: when the last message on that way had left. */
  readonly sentMs: Float64Array

  /** All of them, one behind the other. */
  readonly all: Float64Array

  constructor(processors: number, devices: number) {
    this.all = new Float64Array(resourceNumbers(processors, devices))
    let taken = 0
    const next = (length: number) => {
      taken += length
      return this.all.subarray(taken - length, taken)
    }
    this.processorFree = next(processors)
    this.processorBusy = next(processors)
    this.upFree = next(devices)
    this.upBusy = next(devices)
    this.downFree = next(devices)
    this.downBusy = next(devices)
    this.codecFree = next(devices)
    this.codecBusy = next(devices)
    this.throttled = next(devices)
    this.sentMs = next(devices * devices)
  }

  reset(): void {
    this.all.fill(0)
    this.sentMs.fill(Number.NEGATIVE_INFINITY)
  }
}

/** Takes a first-come resource for `ms` from `readyMs` on, which is `workMs` of its time in the mean; returns the end. */
export function occupy(
  free: Float64Array,
  busy: Float64Array,
  at: number,
  readyMs: number,
  ms: number,
  workMs: number,
) {
  const end = Math.max(readyMs, free[at] as number) + ms
  free[at] = end
  busy[at] = (busy[at] as number) + workMs
  return end
}
