import type { Spread } from '../rows.ts'
import type { ExitsResult } from './bench-exits.ts'
import type { DelayRow } from './rows.ts'

/** Whether exits and cancelling keep their promises on this machine. */
export interface ExitsSummary {
  /** Exits on a processor of their own: the row that comes nearest to its bound, or exceeds it most. */
  readonly ownProcessor: { readonly ratio: number; readonly bound: number }
  /** The same of exits on the trunk's processor. */
  readonly sharedProcessor: { readonly ratio: number; readonly bound: number }
  /** Over all networks. */
  readonly longestSegmentMs: number
  /** Of the shipped network. */
  readonly freeAfterMs: Spread
  readonly ok: boolean
}

export function exitsSummary({ delay, cancel }: ExitsResult): ExitsSummary {
  const [shipped] = cancel
  return {
    ownProcessor: worst(delay.filter(({ processors }) => processors === 'own')),
    sharedProcessor: worst(delay.filter(({ processors }) => processors === 'shared')),
    longestSegmentMs: Math.max(...cancel.map(({ longestSegmentMs }) => longestSegmentMs)),
    freeAfterMs: { median: shipped?.freeAfterMs.median ?? Number.NaN, p95: shipped?.freeAfterMs.p95 ?? Number.NaN },
    ok: [...delay, ...cancel].every(({ ok }) => ok),
  }
}

function worst(rows: readonly DelayRow[]): { readonly ratio: number; readonly bound: number } {
  const [{ ratio, bound } = { ratio: Number.NaN, bound: Number.NaN }] = rows.toSorted(
    (a, b) => b.ratio / b.bound - a.ratio / a.bound,
  )
  return { ratio, bound }
}
