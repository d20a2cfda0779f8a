/** Most shards of one volume (as in core's plan). */
export const MAX_SHARDS = 64

/** Who holds which rows of the current tensor from when on: a structure of arrays, reused between evaluations. */
export class Holders {
  count = 0
  readonly device = new Int32Array(MAX_SHARDS)
  readonly start = new Int32Array(MAX_SHARDS)
  readonly end = new Int32Array(MAX_SHARDS)
  readonly readyMs = new Float64Array(MAX_SHARDS)

  copy(from: Holders): void {
    this.count = from.count
    this.device.set(from.device)
    this.start.set(from.start)
    this.end.set(from.end)
    this.readyMs.set(from.readyMs)
  }

  /** When all of it is there. */
  latestMs(): number {
    let readyMs = 0
    for (let at = 0; at < this.count; at++) readyMs = Math.max(readyMs, this.readyMs[at] as number)
    return readyMs
  }

  /** One holder of everything. */
  single(device: number, rows: number, readyMs: number): void {
    this.count = 0
    this.add(device, 0, rows, readyMs)
  }

  add(device: number, start: number, end: number, readyMs: number): void {
    const at = this.count++
    if (at >= MAX_SHARDS) throw new RangeError(`more than ${MAX_SHARDS} shards`)
    this.device[at] = device
    this.start[at] = start
    this.end[at] = end
    this.readyMs[at] = readyMs
  }
}

/** Transfers that wait to be booked in the order of their readiness; equal ones in the order of their creation. */
export class SendQueue {
  count = 0
  holder = new Int32Array(MAX_SHARDS)
  target = new Int32Array(MAX_SHARDS)
  rows = new Int32Array(MAX_SHARDS)
  order = new Int32Array(MAX_SHARDS)

  push(holder: number, target: number, rows: number): void {
    if (this.count === this.holder.length) this.#grow()
    const at = this.count++
    this.holder[at] = holder
    this.target[at] = target
    this.rows[at] = rows
  }

  /** Fills `order` by insertion: the queue is short and mostly sorted. */
  sort(readyMs: Float64Array): void {
    for (let i = 0; i < this.count; i++) {
      const ready = readyMs[this.holder[i] as number] as number
      let at = i
      while (at > 0 && (readyMs[this.holder[this.order[at - 1] as number] as number] as number) > ready) {
        this.order[at] = this.order[at - 1] as number
        at--
      }
      this.order[at] = i
    }
  }

  #grow(): void {
    const grown = (array: Int32Array): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(array.length * 2)
      next.set(array)
      return next
    }
    this.holder = grown(this.holder)
    this.target = grown(this.target)
    this.rows = grown(this.rows)
    this.order = grown(this.order)
  }
}
