import type { Draft } from '../evaluator/draft.ts'
import { type Method, type Proposal, propose } from './method.ts'
import { singleCuts } from './neurosurgeon.ts'
import { withBoundary } from './place-exits.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/**
 * Edgent (TWC'20): cut and exit point together. The network is right-sized to one exit for all requests: the most
 * accurate exit of which some cut meets the deadline, at its soonest cut. In our form the exit answers at threshold 0
 * and the trunk waits for it, so that nothing behind it ever runs.
 */
export const edgent: Method = {
  name: 'edgent',
  about: "one cut x one exit under a deadline (TWC'20)",
  propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const deadlineMs = search.limits.deadlineMs ?? Number.POSITIVE_INFINITY
    const whole = search.best([search.single(0), ...singleCuts(search)])
    const wholeMs = whole === undefined ? Number.POSITIVE_INFINITY : search.evaluate(whole).latencyMs
    if (whole !== undefined && (wholeMs <= deadlineMs || search.model.exits.length === 0)) return propose(whole)
    return rightSized(search, deadlineMs)
  },
}

function rightSized(search: Search, deadlineMs: number): Proposal {
  let runs = false
  const full = Math.max(0, ...search.model.exits.map((exit) => exit.top1 ?? 0))
  for (const [exit, placed] of [...search.model.exits.entries()].reverse()) {
    const loss = Math.max(0, full - (placed.top1 ?? 0))
    const drafts = [search.single(0), ...singleCuts(search)].flatMap((draft): Draft[] => {
      const split = withBoundary(draft, placed.point, search.wire(placed.point))
      const volume = split?.volumes.find(({ to }) => to === placed.point)
      const processor = volume?.shards[0]?.processor
      if (split === undefined || processor === undefined) return []
      const shares = search.model.exits.map((_, index) => (index === exit ? 1 : 0))
      return [
        { ...split, exits: [{ exit, processor, threshold: 0, mode: 'wait' }], shares: [...shares, 0], exitLoss: loss },
      ]
    })
    const best = search.best(drafts)
    runs ||= best !== undefined
    if (best !== undefined && search.evaluate(best).latencyMs <= deadlineMs) {
      return propose(best, `right-sized to ${placed.name} to meet the deadline`)
    }
  }
  if (!runs) return search.whyNot()
  return refuse('deadline', 'no exit within the accuracy limit meets the deadline')
}
