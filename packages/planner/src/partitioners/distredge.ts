import { seededRandom } from '@roomful/core'
import type { Draft } from '../evaluator/draft.ts'
import { ALPHAS, volumeSearch } from '../rl/lc-pss.ts'
import { fastestGroups, trainOsds } from '../rl/osds.ts'
import { balanced } from './balance.ts'
import { type Method, propose } from './method.ts'
import { joined } from './place-exits.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'
import { complete, type RowSpan, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

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

/** The volumes of the alpha that does best with balanced rows: the published sweep, on the evaluator. */
export function chooseVolumes(search: Search, span: RowSpan): number[] {
  const processors = workers(search)
  const weights = speeds(search, processors, span)
  const volumes = volumeSearch(search, span, processors.length, seededRandom(search.limits.seed))
  let best: { ends: number[]; cost: number } | undefined
  for (const alpha of ALPHAS) {
    const ends = volumes(alpha)
    const drafts = fastestGroups(processors, weights).flatMap((group) => {
      const rates = group.map((processor) => weights[processors.indexOf(processor)] ?? 0)
      const split = (from: number, to: number) => balanced(search, from, to, group, rates)
      return complete(search, stripVolumes(search, span, ends, split)).map((draft) => joined(draft, new Set()))
    })
    const draft = search.best(drafts)
    const cost = draft === undefined ? Number.POSITIVE_INFINITY : search.cost(draft)
    if (best === undefined || cost < best.cost) best = { ends, cost }
  }
  return best?.ends ?? [span.to]
}
