/** The arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Nearest rank: the smallest value that at least `share` of the values do not exceed; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** A two-sided 95 % interval; infinite where there are too few values to say. */
export type Interval = readonly [low: number, high: number]

/** Two-sided 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook, table 1.3.6.7.2). */
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]
const T_INFINITE = 1.96

/**
 * 95 % interval of the mean by Student's t over independent values. Requests that follow one another share the quota's
 * periods and are not independent: give the means of blocks, not the requests.
 */
export function meanInterval(blockMeans: readonly number[]): Interval {
  const count = blockMeans.length
  if (count < 2) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const centre = mean(blockMeans)
  const variance = blockMeans.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (count - 1)
  const half = (T_975[count - 2] ?? T_INFINITE) * Math.sqrt(variance / count)
  return [centre - half, centre + half]
}

/**
 * Ratio of two methods measured in the same blocks: geometric mean of the ratios within the blocks and its 95 % interval
 * (Student's t on the logarithms). What else the machine does during a block weighs on both and cancels out.
 */
export function pairedRatio(
  numerators: readonly number[],
  denominators: readonly number[],
): { readonly ratio: number; readonly interval: Interval } {
  if (numerators.length !== denominators.length) throw new RangeError('both methods need the same blocks')
  const logs = numerators.map((value, block) => Math.log(value / (denominators[block] ?? Number.NaN)))
  const [low, high] = meanInterval(logs)
  return { ratio: Math.exp(mean(logs)), interval: [Math.exp(low), Math.exp(high)] }
}
