import type { Draft } from '../evaluator/draft.ts'
import type { Search } from './search.ts'

/**
 * All that a search can tell drafts apart by, as a key: equal keys have equal evaluations and equal neighbours. Shares are told
 * apart by which setting's they are too, as the moves of exits do.
 */
export function structureOf({ model }: Search, { input, volumes, exits, shares, exitLoss }: Draft): string {
  let key: string = input
  for (const { from, to, wire, route, shards } of volumes) {
    key += `|${from},${to},${wire},${route}`
    for (const { processor, start, end } of shards) key += `;${processor},${start},${end}`
  }
  for (const { exit, processor, mode, threshold } of exits) key += `|${exit},${processor},${mode},${threshold}`
  if (shares.length === 0) return exitLoss === undefined ? key : `${key}|${exitLoss}`
  return `${key}|${exitLoss},${model.settings.findIndex((setting) => setting.shares === shares)},${shares.join()}`
}
