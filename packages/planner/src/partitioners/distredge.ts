import { seededRandom } from '@roomful/core'
import type { Draft } from '../evaluator/draft.ts'
import { ALPHAS, volumeSearch } from '../rl/lc-pss.ts'
import { trainOsds } from '../rl/osds.ts'
import { warmStart } from '../rl/warm-start.ts'
import { type Method, propose } from './method.ts'
import { joined } from './place-exits.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'
import { complete, type RowSpan, rowSpan, stripVolumes, workers } from './strips.ts'

/**
 * DistrEdge (IPDPS 2022): LC-PSS chooses the layer volumes, OSDS (DDPG) the rows of each. `limits.episodes` bounds the
 * training, `limits.seed` makes it repeatable.
 */
export const distredge: Method = {
  name: 'distredge',
  about: 'volumes by LC-PSS, rows by a DDPG agent (IPDPS 2022)',
  async propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const { seed, episodes } = search.limits
    const best = await learnedSplit(search)
    return best === undefined ? search.whyNot() : propose(best, `${episodes} training episodes, seed ${seed}`)
  },
}

/** The best decision that the agent sees in `limits.episodes`; undefined where nothing can be split, or nobody helps. */
export async function learnedSplit(search: Search): Promise<Draft | undefined> {
  const span = rowSpan(search)
  if (span === undefined || search.helpers.length === 0) return undefined
  const { seed, episodes } = search.limits
  let best: Draft | undefined
  for await (const progress of trainOsds(search, span, chooseVolumes(search, span), { seed, episodes })) {
    best = progress.best
  }
  return best
}

/** The volumes of the alpha that does best with the agent's warm start: the published sweep, on the evaluator. */
export function chooseVolumes(search: Search, span: RowSpan): number[] {
  const devices = workers(search).length
  const volumes = volumeSearch(search, span, devices, seededRandom(search.limits.seed))
  const sweeps = new Map(ALPHAS.map(volumes).map((ends) => [ends.join(), ends]))
  let best: { ends: number[]; cost: number } | undefined
  for (const ends of sweeps.values()) {
    const drafts = warmStart(search, span, ends).flatMap((decision) => {
      const split = (_: number, to: number) => decision[ends.indexOf(to)] ?? []
      return complete(search, stripVolumes(search, span, ends, split)).map((draft) => joined(draft, new Set()))
    })
    const draft = search.best(drafts)
    const cost = draft === undefined ? Number.POSITIVE_INFINITY : search.cost(draft)
    if (best === undefined || cost < best.cost) best = { ends, cost }
  }
  return best?.ends ?? [span.to]
}
