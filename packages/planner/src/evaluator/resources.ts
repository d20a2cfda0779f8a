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
  /** `sentMs[from * devices + to]`: when the last message on that way had left. */
  readonly sentMs: Float64Array

  constructor(processors: number, devices: number) {
    this.processorFree = new Float64Array(processors)
    this.processorBusy = new Float64Array(processors)
    this.upFree = new Float64Array(devices)
    this.upBusy = new Float64Array(devices)
    this.downFree = new Float64Array(devices)
    this.downBusy = new Float64Array(devices)
    this.codecFree = new Float64Array(devices)
    this.codecBusy = new Float64Array(devices)
    this.sentMs = new Float64Array(devices * devices)
  }

  reset(): void {
    this.processorFree.fill(0)
    this.processorBusy.fill(0)
    this.upFree.fill(0)
    this.upBusy.fill(0)
    this.downFree.fill(0)
    this.downBusy.fill(0)
    this.codecFree.fill(0)
    this.codecBusy.fill(0)
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
