/** One segment as it was predicted and measured. */
export interface SegmentRow {
  readonly model: string
  readonly from: string
  readonly to: string
  readonly predictedMs: number
  readonly measuredMs: number
  /** predicted / measured - 1. */
  readonly error: number
  /** Median times of the rounds, ascending: how well the time is known. */
  readonly roundsMs: readonly number[]
}

export interface ErrorSummary {
  readonly segments: number
  /** Shares of segments, 0..1. */
  readonly within15: number
  readonly within10: number
  /** Of |error|. */
  readonly medianError: number
}

export function summarise(rows: readonly { readonly error: number }[]): ErrorSummary {
  const errors = rows.map(({ error }) => Math.abs(error)).sort((a, b) => a - b)
  const share = (bound: number) => errors.filter((error) => error <= bound).length / Math.max(1, errors.length)
  return {
    segments: errors.length,
    within15: share(0.15),
    within10: share(0.1),
    medianError: errors[errors.length >> 1] ?? 0,
  }
}
