import type { Spread } from '../rows.ts'
import type { ExitsResult } from './bench-exits.ts'
import type { DelayRow } from './rows.ts'

interface Nearest {
  readonly ratio: number
  readonly bound: number
}

/** Whether exits and cancelling keep their promises on this machine. */
export interface ExitsSummary {
  /** Exits on a processor of their own: the row that comes nearest to its bound, or exceeds it most. */
  readonly ownProcessor: Nearest & { readonly machineRatio: number; readonly added: number }
  /** The same of exits on the trunk's processor. */
  readonly sharedProcessor: Nearest
  /** Over all networks. */
  readonly longestSegmentMs: number
  /** Of the shipped network. */
  readonly freeAfterMs: Spread
  readonly ok: boolean
}

export function exitsSummary({ delay, cancel }: ExitsResult): ExitsSummary {
  const [shipped] = cancel
  const own = worst(delay.filter(({ processors }) => processors === 'own'))
  const shared = worst(delay.filter(({ processors }) => processors === 'shared'))
  const nearest = (row: DelayRow | undefined) => ({ ratio: row?.ratio ?? Number.NaN, bound: row?.bound ?? Number.NaN })
  return {
    ownProcessor: { ...nearest(own), machineRatio: own?.machineRatio ?? Number.NaN, added: own?.added ?? Number.NaN },
    sharedProcessor: nearest(shared),
    longestSegmentMs: Math.max(...cancel.map(({ longestSegmentMs }) => longestSegmentMs)),
    freeAfterMs: { median: shipped?.freeAfterMs.median ?? Number.NaN, p95: shipped?.freeAfterMs.p95 ?? Number.NaN },
    ok: [...delay, ...cancel].every(({ ok }) => ok),
  }
}

function worst(rows: readonly DelayRow[]): DelayRow | undefined {
  return rows.toSorted((a, b) => b.ratio / b.bound - a.ratio / a.bound)[0]
}
