import { BOUNDARY_FREE, type BoundaryCosts, boundaryMs, type RunBoundary } from './boundary.ts'
import { type Work, type WorkCosts, workMs } from './work.ts'

/** The share of a device's speed that it reaches with shards of so many rows, measured; linear in between. */
export interface RowEfficiency {
  readonly rows: number
  readonly efficiency: number
}

export interface ComputeModelOptions {
  readonly costs: WorkCosts
  /** Fixed cost of one session run. */
  readonly overheadMs: number
  /** Rows are computed in blocks of this many: a shard of 5 rows with step 4 costs as much as one of 8. Default 1. */
  readonly rowStep?: number
  /** Measured efficiency over rows, ascending; used instead of `rowStep` where present. */
  readonly table?: readonly RowEfficiency[]
  /** Multiplies the work part: load of others and the online correction. Default 1. */
  readonly factor?: number
  /** What crosses the border of a run. Default free. */
  readonly boundary?: BoundaryCosts
  /** The way of a stage to its Worker and back, however many sessions it is, which they do not see, ms. Default 0. */
  readonly hopMs?: number
  /** How many times faster the processor is as long as it has something saved up, as a CPU quota lets it; >= 1. Default 1. */
  readonly burst?: number
}

/**
 * What a throttled processor has saved up after a rest, in ms of its sustained work: under a quota of a quarter of a core some 20 ms of the
 * processor, because the kernel takes away too late what was used too much. [ours]
 */
const SAVED_MS = 80

/** Predicted compute time of one backend on one device. */
export class ComputeModel {
  readonly costs: WorkCosts
  readonly overheadMs: number
  readonly factor: number
  readonly hopMs: number
  readonly burst: number
  readonly #boundary: BoundaryCosts
  readonly #rowStep: number
  readonly #table: readonly RowEfficiency[]

  constructor(options: ComputeModelOptions) {
    this.costs = options.costs
    this.overheadMs = options.overheadMs
    this.factor = options.factor ?? 1
    this.hopMs = options.hopMs ?? 0
    this.burst = Math.max(1, options.burst ?? 1)
    this.#boundary = options.boundary ?? BOUNDARY_FREE
    this.#rowStep = options.rowStep ?? 1
    this.#table = options.table ?? []
  }

  /** A whole volume in one run: the regression is fitted on whole layers, so no staircase applies. */
  wholeMs(work: Work, boundary?: RunBoundary): number {
    const border = boundary === undefined ? 0 : this.boundaryMs(boundary.inputElements, boundary.outputElements)
    return this.hopMs + this.overheadMs + this.factor * workMs(work, this.costs) + border
  }

  /** How long work of `ms`, at the speed that is sustained, takes after `usedMs` of such work: what was saved up goes first. */
  inBurstsMs(ms: number, usedMs: number): number {
    if (this.burst === 1) return ms
    return ms - Math.min(ms, Math.max(0, SAVED_MS - usedMs)) * (1 - 1 / this.burst)
  }

  /** Whether nothing of what was saved up is left after `usedMs` of sustained work; never where nothing is saved up. */
  isSpent(usedMs: number): boolean {
    return this.burst > 1 && usedMs >= SAVED_MS
  }

  /** What a run costs beside its overhead and its work: its input copied in and its output read back. */
  boundaryMs(inputElements: number, outputElements: number): number {
    if (this.#boundary === BOUNDARY_FREE) return 0
    return this.factor * boundaryMs(this.#boundary, inputElements, outputElements)
  }

  /**
   * `rows` of `totalRows` rows of a volume's output. Rows -> ms is a staircase (METHODS section 4), and it meets
   * `wholeMs` at `rows = totalRows`.
   */
  shardMs(work: Work, rows: number, totalRows: number): number {
    return this.overheadMs + this.factor * this.staircase(rows, totalRows) * workMs(work, this.costs)
  }

  /** How much longer a shard takes than its share of the whole, >= 1 for a block-wise device. */
  staircase(rows: number, totalRows: number): number {
    if (rows >= totalRows || rows <= 0) return 1
    if (this.#table.length > 0) return 1 / this.#efficiency(rows)
    if (this.#rowStep <= 1) return 1
    return Math.min(Math.ceil(rows / this.#rowStep) * this.#rowStep, totalRows) / rows
  }

  #efficiency(rows: number): number {
    let below: RowEfficiency | undefined
    for (const entry of this.#table) {
      if (entry.rows === rows) return entry.efficiency
      if (entry.rows > rows) {
        if (below === undefined) return entry.efficiency
        const share = (rows - below.rows) / (entry.rows - below.rows)
        return below.efficiency + share * (entry.efficiency - below.efficiency)
      }
      below = entry
    }
    return below?.efficiency ?? 1
  }
}
