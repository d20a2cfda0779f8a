import type { BackendSpeed } from '@roomful/core'
import { coefficientsOf, type RowEfficiency } from './compute.ts'
import { type FittedCosts, fitCosts } from './fit.ts'
import { addNode, emptyWork, type WorkKind, workMs } from './work.ts'

/** One layer's measured time without the fixed cost of a run, as the engine's micro-benchmark gives it. */
export interface LayerSample {
  readonly kind: WorkKind
  readonly macs: number
  readonly bytes: number
  /** Height of the layer's output; 1 for dense layers. */
  readonly rows: number
  readonly ms: number
}

/** Layers with at least this many rows are whole layers: the regression is fitted on them. */
const WHOLE_ROWS = 14

export interface FittedBackend extends FittedCosts {
  /** Share of its speed that the backend reaches with few rows; ascending. */
  readonly table: readonly RowEfficiency[]
}

/**
 * Coefficients per operator kind from whole layers, and from the thin ones the staircase: at so many rows, how long the
 * regression says against how long it took, as the median over kinds.
 * @throws PlannerError `samples` when no whole layer was measured
 */
export function fitLayers(samples: readonly LayerSample[]): FittedBackend {
  const timed = samples.map((sample) => ({
    rows: sample.rows,
    ms: sample.ms,
    thin: sample.kind !== 'dense' && sample.rows < WHOLE_ROWS,
    work: addNode(emptyWork(), sample.kind, sample.macs, sample.bytes),
  }))
  const fitted = fitCosts(timed.filter(({ thin }) => !thin))
  const ratios = new Map<number, number[]>()
  for (const { rows, ms, thin, work } of timed) {
    if (!thin || ms <= 0) continue
    const expected = fitted.overheadMs + workMs(work, fitted.costs)
    ratios.set(rows, [...(ratios.get(rows) ?? []), expected / ms])
  }
  const table = [...ratios.entries()]
    .sort(([a], [b]) => a - b)
    .map(([rows, values]) => ({ rows, efficiency: Math.min(1, Math.max(0.05, median(values))) }))
  if (table.length > 0) table.push({ rows: WHOLE_ROWS, efficiency: 1 })
  return { ...fitted, table }
}

/** The fitted backend as it is registered; `rows` holds the staircase as `[rows, efficiency, rows, efficiency, ...]`. */
export function fittedSpeed(speed: BackendSpeed, { costs, table }: FittedBackend): BackendSpeed {
  const rows = table.flatMap(({ rows: count, efficiency }) => [count, efficiency])
  return { ...speed, coefficients: { ...coefficientsOf(costs), ...(rows.length > 0 ? { rows } : {}) } }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 1
}
