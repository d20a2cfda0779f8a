import type { PlannableModel } from '../model/plannable.ts'
import type { DraftExit } from './draft.ts'

/** Whether an exit answers whatever it sees: every confidence reaches a threshold of 0. */
export const answersAll = ({ threshold }: DraftExit): boolean => threshold <= 0

/**
 * Share of requests answered at each placed exit, in the order of the draft's exits. A request that an absent exit would
 * have answered is answered by the next placed one: deeper exits are at least as sure of it. An exit at threshold 0
 * answers all that reach it.
 */
export function placedShares(
  exits: readonly DraftExit[],
  shares: readonly number[],
  model: PlannableModel,
  into: number[] = [],
): number[] {
  into.length = exits.length
  into.fill(0)
  if (exits.length === 0) return into
  let waiting = 0
  let rest = 1
  for (let exit = 0; exit < model.exits.length; exit++) {
    waiting += shares[exit] ?? 0
    let at = 0
    while (at < exits.length && exits[at]?.exit !== exit) at++
    const placed = exits[at]
    if (placed === undefined) continue
    const share = answersAll(placed) ? rest : Math.min(rest, waiting)
    into[at] = share
    rest -= share
    waiting = 0
  }
  return into
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
  for (let at = 0; at < shares.length; at++) {
    const share = shares[at] as number
    expected += share * Math.min(exitMs[at] ?? fullMs, fullMs)
    rest -= share
  }
  expected += Math.max(0, rest) * fullMs
  return cache === undefined ? expected : (1 - cache.hitRate) * expected + cache.hitRate * cache.hitMs
}
