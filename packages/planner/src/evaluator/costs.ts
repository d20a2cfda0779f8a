import { lastPoint, type PlannableModel, pointAt, type RowTables, segmentAt } from '../model/plannable.ts'
import { WORK_LENGTH, workMs } from '../predictor/work.ts'
import type { Processor, Room } from './room.ts'

/** Milliseconds of one processor over one segment's rows, as prefix tables; see RowTables. */
interface SegmentMs {
  readonly tables: RowTables
  readonly start: Float64Array
  readonly end: Float64Array
}

/** Compute times of every processor over every volume, by table look-ups; filled as the search asks. */
export class ComputeCosts {
  readonly #model: PlannableModel
  readonly #room: Room
  /** `prefix[processor][point]`: work time of everything before the point, without overhead. */
  readonly #prefix: readonly Float64Array[]
  readonly #rows: (SegmentMs | undefined)[][]
  readonly #convCost: readonly number[]

  constructor(model: PlannableModel, room: Room) {
    this.#model = model
    this.#room = room
    this.#prefix = room.processors.map(({ compute }) => {
      const prefix = new Float64Array(model.points.length)
      for (let i = 0; i < lastPoint(model); i++) {
        const ms = workMs(segmentAt(model, i).work, compute.costs) * compute.factor
        prefix[i + 1] = (prefix[i] as number) + ms
      }
      return prefix
    })
    this.#rows = room.processors.map(() => [])
    this.#convCost = room.processors.map(({ compute }) => (compute.costs[0] as number) * compute.factor)
  }

  /** One session run of the whole volume. */
  wholeMs(processor: number, from: number, to: number): number {
    const prefix = this.#prefix[processor] as Float64Array
    return this.#processor(processor).compute.overheadMs + (prefix[to] as number) - (prefix[from] as number)
  }

  /** One session run of rows `[start, end)` of `to`, halo included. */
  shardMs(processor: number, from: number, to: number, start: number, end: number): number {
    const { compute } = this.#processor(processor)
    const staircase = compute.staircase(end - start, pointAt(this.#model, to).rows)
    let low = start
    let high = end
    let ms = 0
    for (let i = to - 1; i >= from; i--) {
      const segment = this.#segment(processor, i)
      ms += Math.max(0, (segment.end[high] as number) - (segment.start[low] as number))
      low = segment.tables.needStart[low] as number
      high = segment.tables.needEnd[high] as number
    }
    return compute.overheadMs + ms * staircase
  }

  /** Any other work (an exit's branch), as a run of its own. */
  workMs(processor: number, work: Float64Array): number {
    return this.#processor(processor).compute.wholeMs(work)
  }

  /** Extra convolution work inside a run: a bottleneck's encoder or decoder. */
  extraMs(processor: number, macs: number): number {
    return macs * (this.#convCost[processor] as number)
  }

  #processor(index: number): Processor {
    const processor = this.#room.processors[index]
    if (processor === undefined) throw new RangeError(`no processor ${index}`)
    return processor
  }

  #segment(processor: number, index: number): SegmentMs {
    const row = this.#rows[processor] as (SegmentMs | undefined)[]
    const known = row[index]
    if (known !== undefined) return known
    const tables = segmentAt(this.#model, index).tables()
    if (tables === undefined) throw new RangeError(`segment ${index} cannot be split by rows`)
    const { costs, factor } = this.#processor(processor).compute
    const project = (table: Float64Array) => {
      const out = new Float64Array(tables.outputRows + 1)
      for (let i = 0; i < out.length; i++) {
        out[i] = workMs(table.subarray(i * WORK_LENGTH, (i + 1) * WORK_LENGTH), costs) * factor
      }
      return out
    }
    const built: SegmentMs = { tables, start: project(tables.start), end: project(tables.end) }
    row[index] = built
    return built
  }
}
