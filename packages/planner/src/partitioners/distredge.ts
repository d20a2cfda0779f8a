import { seededRandom } from '@roomful/core'
import { searchVolumes } from '../rl/lc-pss.ts'
import { trainOsds } from '../rl/osds.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { rowSpan, workers } from './strips.ts'

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
    const ends = searchVolumes(search, span, workers(search).length, seededRandom(seed))
    let best: ReturnType<typeof search.single> | undefined
    for await (const progress of trainOsds(search, span, ends, { seed, episodes })) best = progress.best
    return best === undefined ? search.whyNot() : propose(best, `${episodes} training episodes, seed ${seed}`)
  },
}
