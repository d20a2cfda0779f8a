import { PlannerError } from '../error.ts'
import { type BoundaryCosts, boundaryFeatures, type RunBoundary } from './boundary.ts'
import { nonNegativeLeastSquares } from './nnls.ts'
import { costsOfSpeed, WORK_LENGTH, type Work, type WorkCosts, workMacs } from './work.ts'

/** One measured run of a stage. */
export interface TimedWork {
  readonly work: Work
  readonly ms: number
  /** Absent: the time is without what crosses the run's border. */
  readonly boundary?: RunBoundary
}

export interface FittedCosts {
  readonly costs: WorkCosts
  readonly boundary: BoundaryCosts
  readonly overheadMs: number
  /** Sustained 10^9 multiply-accumulates per second over all samples, for people and for screening. */
  readonly gmacsPerSecond: number
  /** Median of |predicted - measured| / measured on the samples. */
  readonly medianError: number
}

/** Work, boundary, overhead: the unknowns of a fit. */
const BOUNDARY = WORK_LENGTH
const OVERHEAD = WORK_LENGTH + 4
export const UNKNOWNS = OVERHEAD + 1

export interface FitOptions {
  /**
   * Costs of another device in the order of the unknowns (work, boundary, overhead). Those of this device are drawn
   * towards them times a common factor, so that few or noisy samples still give every cost a likely value.
   */
  readonly prior?: readonly number[]
}

/** Weight of a unit relative deviation from the prior beside one of a sample's time. */
const PRIOR_WEIGHT = 0.02

/**
 * Non-negative regression of measured times on the features of a Work (METHODS section 2), on what crosses a run's border
 * and on a fixed cost per run. Samples are weighted with 1 / ms: the relative error counts. Multiply-accumulates of a
 * kind without samples cost what all kinds cost on average.
 * @throws PlannerError `samples` when there are none with a positive time
 */
export function fitCosts(samples: readonly TimedWork[], { prior }: FitOptions = {}): FittedCosts {
  const usable = samples.filter(({ ms }) => ms > 0 && Number.isFinite(ms))
  if (usable.length === 0) throw new PlannerError('samples', 'no measured time to fit a predictor to')
  const features = usable.map(featuresOf)
  const times = usable.map(({ ms }) => ms)
  const unknowns = robust(features, times, prior)
  const totalMs = times.reduce((sum, ms) => sum + ms, 0)
  const totalMacs = usable.reduce((sum, { work }) => sum + workMacs(work), 0)
  const gmacsPerSecond = totalMacs > 0 ? totalMacs / totalMs / 1e6 : 1
  const costs = unknowns.slice(0, WORK_LENGTH)
  for (const [at, cost] of costsOfSpeed(gmacsPerSecond).entries()) {
    if (cost > 0 && prior === undefined && features.every((row) => row[at] === 0)) costs[at] = cost
  }
  const [input = 0, output = 0, largeInput = 0, largeOutput = 0] = unknowns.slice(BOUNDARY, OVERHEAD)
  const errors = features.map((row, i) => Math.abs(dot(row, unknowns) / (times[i] as number) - 1))
  errors.sort((a, b) => a - b)
  return {
    costs,
    boundary: { input, output, largeInput, largeOutput },
    overheadMs: unknowns[OVERHEAD] as number,
    gmacsPerSecond,
    medianError: errors[errors.length >> 1] ?? 0,
  }
}

function featuresOf({ work, boundary }: TimedWork): Float64Array {
  const row = new Float64Array(UNKNOWNS)
  row.set(work)
  if (boundary !== undefined) row.set(boundaryFeatures(boundary), BOUNDARY)
  row[OVERHEAD] = 1
  return row
}

/** Rounds of re-weighting, and the relative error (in medians of all, but at least the floor) from which it weighs less. */
const ROBUST = { rounds: 3, medians: 2.5, floor: 0.04 } as const

/** Huber's weights: a sample that something else on the device disturbed pulls with a bounded force only. */
function robust(features: readonly Float64Array[], times: readonly number[], prior?: readonly number[]): Float64Array {
  let unknowns = solve(
    features,
    times,
    times.map(() => 1),
    prior,
  )
  for (let round = 0; round < ROBUST.rounds && features.length > MIN_ROBUST; round++) {
    const errors = features.map((row, i) => Math.abs(dot(row, unknowns) / (times[i] as number) - 1))
    const bound = Math.max(ROBUST.floor, ROBUST.medians * medianOf(errors))
    unknowns = solve(
      features,
      times,
      errors.map((error) => Math.sqrt(Math.min(1, bound / error))),
      prior,
    )
  }
  return unknowns
}

/** Fewer samples leave none to spare. */
const MIN_ROBUST = 20

function solve(
  features: readonly Float64Array[],
  times: readonly number[],
  weights: readonly number[],
  prior: readonly number[] | undefined,
): Float64Array {
  const scale = new Float64Array(UNKNOWNS)
  for (const row of features) for (const [i, x] of row.entries()) scale[i] = Math.max(scale[i] as number, x)
  const columns = [...scale.keys()].filter((i) => (scale[i] as number) > 0 || (prior?.[i] ?? 0) > 0)
  for (const i of columns) if (scale[i] === 0) scale[i] = 1
  const weighted = weights.map((weight, s) => weight / (times[s] as number))
  const rows = features.map((row, s) =>
    columns.map((i) => ((row[i] as number) / (scale[i] as number)) * (weighted[s] as number)),
  )
  const wanted = [...weights]
  if (prior !== undefined) {
    const factor = medianOf(features.map((row, s) => (times[s] as number) / dot(row, prior)))
    for (const [at, i] of columns.entries()) {
      const expected = factor * (prior[i] ?? 0)
      if (expected <= 0) continue
      rows.push(columns.map((_, other) => (other === at ? PRIOR_WEIGHT / (expected * (scale[i] as number)) : 0)))
      wanted.push(PRIOR_WEIGHT)
    }
  }
  const fitted = nonNegativeLeastSquares(rows, wanted)
  const unknowns = new Float64Array(UNKNOWNS)
  for (const [at, i] of columns.entries()) unknowns[i] = (fitted[at] ?? 0) / (scale[i] as number)
  return unknowns
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < UNKNOWNS; i++) sum += (a[i] as number) * (b[i] ?? 0)
  return sum
}

const medianOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 1
