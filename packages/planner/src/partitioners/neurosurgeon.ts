import { type Draft, wholeVolume } from '../evaluator/draft.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/**
 * Neurosurgeon (ASPLOS'17): one cut, the argmin of head + size / bandwidth + tail over all partition points, the raw
 * input and the whole on the initiator included. Over several helpers the best one is taken.
 */
export const neurosurgeon: Method = {
  name: 'neurosurgeon',
  about: "one cut, argmin of head + size/bandwidth + tail (ASPLOS'17)",
  propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const best = search.best([search.single(0), ...singleCuts(search)])
    return best === undefined ? search.whyNot() : propose(best)
  },
}

/** Every plan with one cut: head on the initiator, tail on one of the helpers. */
export function* singleCuts(
  search: Search,
  wire = (point: number) => search.wire(point),
  helpers: readonly number[] = search.helpers,
): Generator<Draft> {
  for (const device of helpers) {
    if (search.firstCut === 0) yield search.single(device, search.raw)
    for (let cut = Math.max(1, search.firstCut); cut < search.last; cut++)
      yield singleCut(search, device, cut, wire(cut))
  }
}

export function singleCut(search: Search, device: number, cut: number, wire: number): Draft {
  const head = wholeVolume(0, cut, search.mainOf(0), wire)
  return {
    input: 'tensor',
    volumes: [head, wholeVolume(cut, search.last, search.mainOf(device))],
    exits: [],
    shares: [],
  }
}
