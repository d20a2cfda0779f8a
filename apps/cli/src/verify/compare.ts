import type { FeatureMap } from '@roomful/tensor'

/**
 * Largest difference of `got` from `wanted` as a share of the range of `wanted`. Ranges below a hundredth of the largest
 * magnitude count as that hundredth: float32 has no digits to judge them by. Values that are not finite must be equal.
 * Different sizes, or a value that is finite on one side only, give Infinity.
 */
export function shareOfRange(got: FeatureMap, wanted: FeatureMap): number {
  if (got.data.length !== wanted.data.length || got.dtype !== wanted.dtype) return Number.POSITIVE_INFINITY
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  let worst = 0
  for (let i = 0; i < wanted.data.length; i++) {
    const a = Number(got.data[i])
    const b = Number(wanted.data[i])
    if (Number.isFinite(b)) {
      low = Math.min(low, b)
      high = Math.max(high, b)
    }
    if (Object.is(a, b) || a === b) continue
    const difference = Math.abs(a - b)
    worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference)
  }
  if (worst === 0) return 0
  return worst / Math.max(high - low, Math.max(Math.abs(low), Math.abs(high)) / 100, Number.MIN_VALUE)
}
