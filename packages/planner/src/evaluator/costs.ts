import { lastPoint, type PlannableModel, pointAt, type RowTables, segmentAt } from '../model/plannable.ts'
import { WORK_LENGTH, workMs } from '../predictor/work.ts'
import type { Processor, Room } from './room.ts'
import { Sessions } from './sessions.ts'

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
  readonly #sessions: Sessions
  /** `runs[processor][from * points + to]`: ms that the whole volume's sessions take beside the work; NaN: not known yet. */
  readonly #runs: readonly Float64Array[]

  /** `exits[processor * exits + exit]`: ms; NaN: not known yet. */
  readonly #exits: Float64Array
  /** Searches ask for the same shards again and again. */
  readonly #shards: readonly Map<number, number>[]
  /** Where a shard may begin or end at most. */
  readonly #edges: number

  constructor(model: PlannableModel, room: Room, segmentMs: number) {
    this.#model = model
    this.#exits = new Float64Array(room.processors.length * model.exits.length).fill(Number.NaN)
    this.#shards = room.processors.map(() => new Map())
    this.#edges = Math.max(...model.points.map(({ rows }) => rows)) + 1
    this.#room = room
    this.#sessions = new Sessions(model, segmentMs)
    this.#runs = room.processors.map(() => new Float64Array(model.points.length ** 2).fill(Number.NaN))
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

  /** The whole volume, in as many sessions as the runtime makes of it. */
  wholeMs(processor: number, from: number, to: number): number {
    return this.#wholeRunsMs(processor, from, to) + this.spanMs(processor, from, to)
  }

  /** The work of the whole volume alone, without the overhead of any run. */
  spanMs(processor: number, from: number, to: number): number {
    const prefix = this.#prefix[processor] as Float64Array
    return (prefix[to] as number) - (prefix[from] as number)
  }

  /** Rows `[start, end)` of `to`, halo included; the staircase applies to the rows of each session. */
  shardMs(processor: number, from: number, to: number, start: number, end: number): number {
    const key = ((from * this.#model.points.length + to) * this.#edges + start) * this.#edges + end
    const known = this.#shards[processor] as Map<number, number>
    let ms = known.get(key)
    if (ms === undefined) {
      ms = this.#shardMs(processor, from, to, start, end)
      known.set(key, ms)
    }
    return ms
  }

  #shardMs(processor: number, from: number, to: number, start: number, end: number): number {
    const { compute, gmacsPerSecond } = this.#processor(processor)
    const { rows } = pointAt(this.#model, to)
    const sessions = this.#sessions
    let inner = sessions.cut(from, to, (end - start) / rows, gmacsPerSecond, compute.overheadMs)
    let staircase = compute.staircase(end - start, rows)
    let low = start
    let high = end
    let session = 0
    let ms = compute.hopMs + compute.overheadMs * (inner + 1)
    let outputElements = (end - start) * pointAt(this.#model, to).elementsPerRow
    for (let i = to - 1; i >= from; i--) {
      const segment = this.#segment(processor, i)
      session += Math.max(0, (segment.end[high] as number) - (segment.start[low] as number))
      low = segment.tables.needStart[low] as number
      high = segment.tables.needEnd[high] as number
      const cut = inner > 0 && sessions.cuts[inner - 1] === i
      if (!cut && i > from) continue
      const inputElements = (high - low) * pointAt(this.#model, i).elementsPerRow
      ms += compute.boundaryMs(inputElements, outputElements)
      outputElements = inputElements
      if (!cut) continue
      inner--
      ms += session * staircase
      session = 0
      staircase = compute.staircase(high - low, pointAt(this.#model, i).rows)
    }
    return ms + session * staircase
  }

  /** An exit's branch, as a run of its own. */
  exitMs(processor: number, exit: number): number {
    const at = processor * this.#model.exits.length + exit
    const known = this.#exits[at] as number
    if (!Number.isNaN(known)) return known
    const branch = this.#model.exits[exit]
    if (branch === undefined) throw new RangeError(`no exit ${exit}`)
    const ms = this.#processor(processor).compute.wholeMs(branch.work)
    this.#exits[at] = ms
    return ms
  }

  /** The way of a stage to its Worker and back, part of its time; see ComputeModel. */
  hopMs(processor: number): number {
    return this.#processor(processor).compute.hopMs
  }

  /** How long work takes at least: on a throttled processor that has rested. */
  soonestMs(processor: number, ms: number): number {
    return this.#processor(processor).compute.inBurstsMs(ms, 0)
  }

  /** Extra convolution work inside a run: a bottleneck's encoder or decoder. */
  extraMs(processor: number, macs: number): number {
    return macs * (this.#convCost[processor] as number)
  }

  #wholeRunsMs(processor: number, from: number, to: number): number {
    const runs = this.#runs[processor] as Float64Array
    const at = from * this.#model.points.length + to
    const known = runs[at] as number
    if (!Number.isNaN(known)) return known
    const { compute, gmacsPerSecond } = this.#processor(processor)
    const inner = this.#sessions.cut(from, to, 1, gmacsPerSecond, compute.overheadMs)
    let ms = compute.hopMs + compute.overheadMs * (inner + 1)
    let begin = from
    for (let i = 0; i <= inner; i++) {
      const end = i === inner ? to : (this.#sessions.cuts[i] as number)
      ms += compute.boundaryMs(pointAt(this.#model, begin).elements, pointAt(this.#model, end).elements)
      begin = end
    }
    runs[at] = ms
    return ms
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
    const { work } = segmentAt(this.#model, index)
    // A segment has few kinds of work, and not every kind costs something.
    const features = [...costs.keys()].filter((at) => costs[at] !== 0 && work[at] !== 0)
    const project = (table: Float64Array) => {
      const out = new Float64Array(tables.outputRows + 1)
      for (const at of features) {
        const cost = (costs[at] as number) * factor
        for (let i = 0; i < out.length; i++) {
          out[i] = (out[i] as number) + (table[i * WORK_LENGTH + at] as number) * cost
        }
      }
      return out
    }
    const built: SegmentMs = { tables, start: project(tables.start), end: project(tables.end) }
    row[index] = built
    return built
  }
}
