import type { BackendSpeed } from '@roomful/core'
import { costsOfSpeed, FEATURES_PER_KIND, WORK_KINDS, WORK_LENGTH, type Work, type WorkCosts, workMs } from './work.ts'

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
}

/** Predicted compute time of one backend on one device. */
export class ComputeModel {
  readonly costs: WorkCosts
  readonly overheadMs: number
  readonly factor: number
  readonly #rowStep: number
  readonly #table: readonly RowEfficiency[]

  constructor(options: ComputeModelOptions) {
    this.costs = options.costs
    this.overheadMs = options.overheadMs
    this.factor = options.factor ?? 1
    this.#rowStep = options.rowStep ?? 1
    this.#table = options.table ?? []
  }

  /** A whole volume: the regression is fitted on whole layers, so no staircase applies. */
  wholeMs(work: Work): number {
    return this.overheadMs + this.factor * workMs(work, this.costs)
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

/**
 * The costs in a profile: `coefficients[kind]` is `[ms per 10^9 multiply-accumulates, ms per 10^6 bytes, ms per node]`;
 * kinds that are absent fall back on the speed alone.
 */
export function costsOfProfile(speed: BackendSpeed): WorkCosts {
  const costs = costsOfSpeed(speed.gmacsPerSecond)
  if (speed.coefficients === undefined) return costs
  for (const [index, kind] of WORK_KINDS.entries()) {
    const fitted = speed.coefficients[kind]
    if (fitted === undefined || fitted.length !== FEATURES_PER_KIND) continue
    const [perGmac = 0, perMb = 0, perNode = 0] = fitted
    const at = index * FEATURES_PER_KIND
    costs.set([perGmac / 1e9, perMb / 1e6, perNode], at)
  }
  return costs
}

/** The staircase in a profile: `coefficients.rows` is `[rows, efficiency, rows, efficiency, ...]`, ascending. */
export function tableOfProfile({ coefficients }: BackendSpeed): RowEfficiency[] {
  const flat = coefficients?.['rows'] ?? []
  const table: RowEfficiency[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [rows = 0, efficiency = 0] = flat.slice(i, i + 2)
    if (rows > (table.at(-1)?.rows ?? 0) && efficiency > 0) table.push({ rows, efficiency })
  }
  return table
}

/** The reverse of costsOfProfile, for registering a fitted device. */
export function coefficientsOf(costs: WorkCosts): Record<string, number[]> {
  if (costs.length !== WORK_LENGTH) throw new RangeError(`costs: expected ${WORK_LENGTH} numbers`)
  const out: Record<string, number[]> = {}
  for (const [index, kind] of WORK_KINDS.entries()) {
    const at = index * FEATURES_PER_KIND
    out[kind] = [(costs[at] as number) * 1e9, (costs[at + 1] as number) * 1e6, costs[at + 2] as number]
  }
  return out
}
