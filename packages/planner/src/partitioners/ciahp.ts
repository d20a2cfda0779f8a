import type { Draft } from '../evaluator/draft.ts'
import type { ExitSetting } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { modesOn, usableSettings, withBoundary } from './place-exits.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/**
 * METHODS section 2: a sample that leaves at no exit must not be delayed by the exits. Against the trunk on its own,
 * uncut, this share is allowed, less than predictions are off by: an exit needs a cut, and that a run. [ours]
 */
export const HARD_SAMPLE_SLACK = 0.05

/**
 * CIAHP 2023 (CN114662661): the trunk runs on the fastest processor of the initiator; for every exit branch b the
 * decision X_b is the processor that runs it, by latency model, exit probability and transfer time, at the least
 * expected time such that a sample that leaves at no exit is not delayed. Branches run beside the trunk; one that would
 * delay it is left out. [ours] On a device with one processor they cannot but take turns with the trunk: there the
 * expected time alone decides.
 */
export const ciahp: Method = {
  name: 'ciahp',
  about: 'exit branches placed over the processors of one device, beside the trunk (CIAHP 2023)',
  propose(search) {
    const { model, limits } = search
    if (!limits.exits)
      return refuse('no-exits', 'exits are switched off (limits.exits), and this method places nothing else')
    if (model.exits.length === 0 || model.settings.length === 0)
      return refuse('no-exits', 'this model has no calibrated exits')
    const own = search.processors.filter((at) => search.room.processors[at]?.device === 0)
    const trunk = search.single(0)
    let best: { draft: Draft; cost: number } | undefined
    for (const setting of usableSettings(search, limits.maxAccuracyLoss)) {
      const draft = placed(search, trunk, setting, own)
      const cost = search.cost(draft)
      if (draft.exits.length > 0 && (best === undefined || cost < best.cost)) best = { draft, cost }
    }
    if (best === undefined) {
      return usableSettings(search, limits.maxAccuracyLoss).length === 0
        ? refuse('accuracy', 'no setting of the exits keeps within the accuracy limit')
        : refuse('no-exits', 'every exit would delay samples that leave at none, or takes longer than it saves')
    }
    const delay = search.evaluate(best.draft).fullMs / search.evaluate(trunk).fullMs - 1
    const notes = [`a sample that leaves at no exit takes ${(delay * 100).toFixed(1)} % longer than without exits`]
    if (own.length < 2) notes.unshift('the device has one processor only: exits and trunk take turns on it')
    return propose(best.draft, ...notes)
  },
}

/** Placements that are kept from branch to branch: with four places for each, all of them up to four branches. */
const KEPT = 64

/** X_b branch after branch, from the input on; of every branch also that it is left out. */
function placed(search: Search, trunk: Draft, setting: ExitSetting, processors: readonly number[]): Draft {
  const allowed =
    processors.length > 1 ? search.evaluate(trunk).fullMs * (1 + HARD_SAMPLE_SLACK) : Number.POSITIVE_INFINITY
  const weighed = (draft: Draft) => {
    const evaluation = search.evaluate(draft)
    const cost = evaluation.fullMs > allowed ? Number.POSITIVE_INFINITY : search.cost(draft, evaluation)
    return { draft, cost }
  }
  let kept = [weighed({ ...trunk, shares: setting.shares, exitLoss: setting.accuracyLoss })]
  for (const [exit, { point, threshold: usual }] of search.model.exits.entries()) {
    const threshold = setting.thresholds[exit] ?? usual
    const more = kept.flatMap(({ draft }) => {
      const cut = withBoundary(draft, point, 0)
      if (cut === undefined) return []
      return processors.flatMap((processor) =>
        modesOn(cut, point, processor).map((mode) =>
          weighed({ ...cut, exits: [...cut.exits, { exit, processor, threshold, mode }] }),
        ),
      )
    })
    // Those that are too late as yet stay in the race: another cut may save one of the runtime's own.
    kept = [...kept, ...more].sort((a, b) => a.cost - b.cost || 0).slice(0, KEPT)
  }
  const [best] = kept
  return best === undefined || best.cost === Number.POSITIVE_INFINITY ? trunk : best.draft
}
