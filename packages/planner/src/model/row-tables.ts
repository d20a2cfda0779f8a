import type { Range } from '@roomful/core'
import { addWork, WORK_LENGTH, type Work, workMacs } from '../predictor/work.ts'
import type { RowTables } from './plannable.ts'

/** What some output rows of a segment need and cost. */
export interface RowGeometry {
  readonly inputRows: Range
  readonly work: Work
}

/**
 * Prefix tables from a geometry function that is asked for the rows `[0, b)` and `[a, H)` only: with `W` the work,
 * `W[a, b) = W[0, b) + W[a, H) - W[0, H)`.
 */
export function rowTables(outputRows: number, geometry: (rows: Range) => RowGeometry): RowTables {
  const entries = outputRows + 1
  const tables = {
    outputRows,
    needStart: new Int32Array(entries),
    needEnd: new Int32Array(entries),
    start: new Float64Array(entries * WORK_LENGTH),
    end: new Float64Array(entries * WORK_LENGTH),
    macsStart: new Float64Array(entries),
    macsEnd: new Float64Array(entries),
  }
  const whole = geometry({ start: 0, end: outputRows })
  tables.needEnd[0] = whole.inputRows.start
  for (let row = 0; row < entries; row++) {
    const upper = row === outputRows ? undefined : geometry({ start: row, end: outputRows })
    const rest = whole.work.slice()
    if (upper !== undefined) addWork(rest, upper.work, -1)
    tables.needStart[row] = upper?.inputRows.start ?? whole.inputRows.end
    tables.start.set(rest, row * WORK_LENGTH)
    tables.macsStart[row] = workMacs(rest)
    if (row === 0) continue
    const lower = geometry({ start: 0, end: row })
    tables.needEnd[row] = lower.inputRows.end
    tables.end.set(lower.work, row * WORK_LENGTH)
    tables.macsEnd[row] = workMacs(lower.work)
  }
  return tables
}

/** Multiply-accumulates of output rows `[start, end)`. */
export function rowsMacs(tables: RowTables, start: number, end: number): number {
  return Math.max(0, (tables.macsEnd[end] as number) - (tables.macsStart[start] as number))
}

/** Adds the work of output rows `[start, end)` to `into`. */
export function addRowsWork(into: Work, tables: RowTables, start: number, end: number): void {
  const low = start * WORK_LENGTH
  const high = end * WORK_LENGTH
  for (let i = 0; i < WORK_LENGTH; i++) {
    into[i] = (into[i] as number) + Math.max(0, (tables.end[high + i] as number) - (tables.start[low + i] as number))
  }
}
