import { PlannerError } from '../error.ts'
import { nonNegativeLeastSquares } from './nnls.ts'
import { FEATURES_PER_KIND, WORK_KINDS, WORK_LENGTH, type Work, type WorkCosts, workMacs } from './work.ts'

/** One measured run of a stage. */
export interface TimedWork {
  readonly work: Work
  readonly ms: number
}

export interface FittedCosts {
  readonly costs: WorkCosts
  readonly overheadMs: number
  /** Sustained 10^9 multiply-accumulates per second over all samples, for people and for screening. */
  readonly gmacsPerSecond: number
  /** Median of |predicted - measured| / measured on the samples. */
  readonly medianError: number
}

/**
 * Non-negative regression of measured times on work, bytes and node counts per operator kind (METHODS section 2), plus a
 * fixed cost per run. Rows are weighted with 1 / ms: the relative error counts. A kind without samples costs per
 * multiply-accumulate what all kinds cost on average.
 * @throws PlannerError `samples` when there are none with a positive time
 */
export function fitCosts(samples: readonly TimedWork[]): FittedCosts {
  const usable = samples.filter(({ ms }) => ms > 0 && Number.isFinite(ms))
  if (usable.length === 0) throw new PlannerError('samples', 'no measured time to fit a predictor to')
  const scale = new Float64Array(WORK_LENGTH)
  for (const { work } of usable)
    for (let i = 0; i < WORK_LENGTH; i++) scale[i] = Math.max(scale[i] as number, work[i] as number)
  const columns = [...scale.keys()].filter((i) => (scale[i] as number) > 0)
  const rows = usable.map(({ work, ms }) => [
    ...columns.map((i) => (work[i] as number) / (scale[i] as number) / ms),
    1 / ms,
  ])
  const fitted = nonNegativeLeastSquares(
    rows,
    usable.map(() => 1),
  )
  const costs = new Float64Array(WORK_LENGTH)
  for (const [at, column] of columns.entries()) costs[column] = (fitted[at] ?? 0) / (scale[column] as number)
  const totalMs = usable.reduce((sum, { ms }) => sum + ms, 0)
  const totalMacs = usable.reduce((sum, { work }) => sum + workMacs(work), 0)
  const perMac = totalMacs > 0 ? totalMs / totalMacs : 1e-6
  for (const kind of WORK_KINDS.keys()) {
    const at = kind * FEATURES_PER_KIND
    const seen = columns.some((column) => column >= at && column < at + FEATURES_PER_KIND)
    if (!seen) costs[at] = perMac
  }
  const overheadMs = fitted.at(-1) ?? 0
  const errors = usable.map(({ work, ms }) => {
    let predicted = overheadMs
    for (let i = 0; i < WORK_LENGTH; i++) predicted += (work[i] as number) * (costs[i] as number)
    return Math.abs(predicted - ms) / ms
  })
  errors.sort((a, b) => a - b)
  return { costs, overheadMs, gmacsPerSecond: 1e-6 / perMac, medianError: errors[errors.length >> 1] ?? 0 }
}
