import type { Draft } from '../evaluator/draft.ts'
import { modelMacs } from '../model/plannable.ts'
import { type PrunedTrunk, trainKeepRatios } from '../rl/amc.ts'
import type { Method } from './method.ts'
import { singleCuts } from './neurosurgeon.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/** Accuracy of a main trunk that nobody has measured, so that losses keep their order. [ours] */
const ASSUMED_TOP1 = 0.9

/**
 * Cogent (2020): step 1, per-layer times give the partition point; step 2, an agent (DDPG, AMC's form) prunes where the
 * accuracy allows. Pruned weights cannot be made on the spot: the agent chooses among the trunks of the package.
 */
export const cogent: Method = {
  name: 'cogent',
  about: 'pruned trunk by a DDPG agent, then the best single cut (2020)',
  async propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const { maxAccuracyLoss, episodes, seed } = search.limits
    const searches = [
      search,
      ...search.model.trunks.filter((t) => t.trunkLoss <= maxAccuracyLoss).map((t) => search.onTrunk(t)),
    ]
    const options = searches.flatMap((one): { search: Search; draft: Draft; trunk: PrunedTrunk }[] => {
      const draft = one.best([one.single(0), ...singleCuts(one)])
      if (draft === undefined) return []
      const keep = modelMacs(one.model) / Math.max(1, modelMacs(search.model))
      const error = 1 - (search.model.top1 ?? ASSUMED_TOP1) + one.model.trunkLoss
      return [{ search: one, draft, trunk: { keep, ms: one.evaluate(draft).latencyMs, error } }]
    })
    const [only] = options
    if (only === undefined) return search.whyNot()
    if (options.length === 1) {
      const notes = ['the model package has no pruned trunk within the accuracy limit: only the cut is chosen']
      return { ok: true, draft: only.draft, search: only.search, notes }
    }
    const { trunk } = await trainKeepRatios(
      search,
      options.map((option) => option.trunk),
      { episodes, seed },
    )
    const chosen = options[trunk] ?? only
    const notes = [
      `trunk ${chosen.search.model.trunk} of ${options.length}, ${Math.round(chosen.trunk.keep * 100)} % of the work, after ${episodes} training episodes, seed ${seed}`,
    ]
    return { ok: true, draft: chosen.draft, search: chosen.search, notes }
  },
}
