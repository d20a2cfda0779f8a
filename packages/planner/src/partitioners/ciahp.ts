import type { Draft, DraftExit } from '../evaluator/draft.ts'
import type { ExitSetting } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { modesOn, usableSettings, withBoundary } from './place-exits.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/** A hard sample may be delayed by the exits by at most this share (METHODS section 2: it must not be delayed). */
const HARD_SAMPLE_SLACK = 0.05

/**
 * CIAHP 2023 (CN114662661): the trunk runs on the fastest processor of the initiator; for every exit branch b the
 * decision X_b is the processor that runs it, by latency model, exit probability and transfer time, at the least
 * expected time such that a sample that leaves at no exit is not delayed. Branches run beside the trunk.
 */
export const ciahp: Method = {
  name: 'ciahp',
  about: 'exit branches placed over the processors of one device, beside the trunk (CIAHP 2023)',
  propose(search) {
    const { model } = search
    if (model.exits.length === 0 || model.settings.length === 0)
      return refuse('no-exits', 'this model has no calibrated exits')
    const own = search.room.devices[0]?.processors ?? []
    const trunk = search.single(0)
    let best: { draft: Draft; cost: number } | undefined
    for (const setting of usableSettings(search, search.limits.maxAccuracyLoss)) {
      const draft = placed(search, trunk, setting, own)
      const cost = search.cost(draft)
      if (draft.exits.length > 0 && (best === undefined || cost < best.cost)) best = { draft, cost }
    }
    if (best === undefined) {
      return usableSettings(search, search.limits.maxAccuracyLoss).length === 0
        ? refuse('accuracy', 'no setting of the exits keeps within the accuracy limit')
        : refuse('no-exits', 'no exit pays for its own computing here')
    }
    const notes = own.length < 2 ? ['the device has one processor only: exits and trunk take turns on it'] : []
    return propose(best.draft, ...notes)
  },
}

/** X_b for all branches by coordinate descent: each in turn on its best processor, until nothing changes. */
function placed(search: Search, trunk: Draft, setting: ExitSetting, processors: readonly number[]): Draft {
  let draft: Draft = { ...trunk, shares: setting.shares, exitLoss: setting.accuracyLoss }
  for (const { point } of search.model.exits) draft = withBoundary(draft, point, 0) ?? draft
  // The trunk needs its boundaries anyway where an exit hangs; the slack counts from there.
  const fullMs = search.evaluate(draft).fullMs
  const allowed = processors.length > 1 ? fullMs * (1 + HARD_SAMPLE_SLACK) : Number.POSITIVE_INFINITY
  const weigh = (trial: Draft) => {
    const evaluation = search.evaluate(trial)
    return evaluation.fullMs > allowed ? Number.POSITIVE_INFINITY : search.cost(trial, evaluation)
  }
  let cost = weigh(draft)
  for (let round = 0, changed = true; changed && round < 8; round++) {
    changed = false
    for (const [exit, { point }] of search.model.exits.entries()) {
      const others = draft.exits.filter((entry) => entry.exit !== exit)
      const threshold = setting.thresholds[exit] ?? 1
      const places = processors.flatMap((processor) =>
        modesOn(draft, point, processor).map((mode): DraftExit[] => [{ exit, processor, threshold, mode }]),
      )
      for (const here of [[], ...places]) {
        const trial: Draft = { ...draft, exits: [...others, ...here].sort((a, b) => a.exit - b.exit) }
        const trialCost = weigh(trial)
        if (trialCost >= cost) continue
        cost = trialCost
        draft = trial
        changed = true
      }
    }
  }
  return draft
}
