import type { PlannableModel } from '../model/plannable.ts'
import type { Draft, DraftExit } from './draft.ts'

/** Whether an exit answers whatever it sees: every confidence reaches a threshold of 0. */
export const answersAll = ({ threshold }: DraftExit): boolean => threshold <= 0

/**
 * Share of requests answered at each placed exit, in the order of the draft's exits. A request that an absent exit would
 * have answered is answered by the next placed one: deeper exits are at least as sure of it. An exit at threshold 0
 * answers all that reach it.
 */
export function placedShares(draft: Draft, model: PlannableModel): number[] {
  const out: number[] = new Array(draft.exits.length).fill(0)
  let waiting = 0
  let rest = 1
  for (let exit = 0; exit < model.exits.length; exit++) {
    waiting += draft.shares[exit] ?? 0
    const at = draft.exits.findIndex((placed) => placed.exit === exit)
    const placed = draft.exits[at]
    if (placed === undefined) continue
    out[at] = answersAll(placed) ? rest : Math.min(rest, waiting)
    rest -= out[at] as number
    waiting = 0
  }
  return out
}

/** `sum p_i c_i`, and of that the share that the cache does not answer (METHODS section 6). */
export function expectedLatency(
  exitMs: readonly number[],
  shares: readonly number[],
  fullMs: number,
  cache?: { readonly hitRate: number; readonly hitMs: number },
): number {
  let rest = 1
  let expected = 0
  for (const [at, share] of shares.entries()) {
    expected += share * Math.min(exitMs[at] ?? fullMs, fullMs)
    rest -= share
  }
  expected += Math.max(0, rest) * fullMs
  return cache === undefined ? expected : (1 - cache.hitRate) * expected + cache.hitRate * cache.hitMs
}
