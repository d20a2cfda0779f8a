import type { Draft, DraftExit } from '../evaluator/draft.ts'
import { type Method, type Proposal, propose } from './method.ts'
import { singleCuts } from './neurosurgeon.ts'
import { withBoundary } from './place-exits.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/**
 * Edgent (TWC'20): cut and exit point together. The network is right-sized to one exit for all requests: the most
 * accurate exit of which some cut meets the deadline, at its soonest cut; the trunk's own end is the last exit. In our
 * form the exit answers at threshold 0 and the trunk waits for it, so that nothing behind it ever runs, and that is how it
 * is predicted.
 */
export const edgent: Method = {
  name: 'edgent',
  about: "one cut x one exit under a deadline (TWC'20)",
  propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const whole = [search.single(0), ...singleCuts(search)]
    const full = search.best(inTime(search, whole))
    if (full !== undefined) return propose(full)
    for (const { drafts, name } of rightSized(search)) {
      const best = search.best(inTime(search, drafts))
      if (best !== undefined) return propose(best, `right-sized to ${name} to meet the deadline`)
    }
    return none(search, whole)
  },
}

/** For each measured exit, the most accurate first: every cut before it with all requests answered there. */
function rightSized(search: Search): { readonly name: string; readonly drafts: readonly Draft[] }[] {
  const exits = search.model.exits.flatMap(({ name, point, aloneLoss }, exit) =>
    aloneLoss === undefined ? [] : [{ name, point, aloneLoss, exit }],
  )
  return exits
    .sort((a, b) => a.aloneLoss - b.aloneLoss || b.exit - a.exit)
    .map(({ name, point, aloneLoss, exit }) => ({
      name,
      drafts: [search.single(0), ...singleCuts(search)].flatMap((cut): Draft[] => {
        const draft = withBoundary(cut, point, search.wire(point))
        const at = draft?.volumes.findIndex(({ to }) => to === point) ?? -1
        const processor = draft?.volumes[at]?.shards[0]?.processor
        // Behind the exit there is nothing to cut for.
        if (draft === undefined || processor === undefined) return []
        if (draft.volumes[at + 1]?.shards[0]?.processor !== processor) return []
        const placed: DraftExit = { exit, processor, threshold: 0, mode: 'wait' }
        return [{ ...draft, exits: [placed], exitLoss: aloneLoss }]
      }),
    }))
}

/** Where there is a deadline one exit may have to answer everything: other searches start from these too. */
export function sizedForDeadline(search: Search): Draft[] {
  return search.limits.deadlineMs === undefined ? [] : rightSized(search).flatMap(({ drafts }) => drafts)
}

function inTime(search: Search, drafts: readonly Draft[]): readonly Draft[] {
  const { deadlineMs } = search.limits
  return deadlineMs === undefined ? drafts : drafts.filter((draft) => search.fullMs(draft) <= deadlineMs)
}

/** Whether nothing runs here at all, or nothing in time. */
function none(search: Search, whole: readonly Draft[]): Proposal {
  const soonest = search.best([...whole, ...rightSized(search).flatMap(({ drafts }) => drafts)])
  if (soonest === undefined) return search.whyNot()
  const ms = Math.ceil(search.evaluate(soonest).fullMs)
  return refuse(
    'deadline',
    `the soonest cut and exit within the limits need ${ms} ms; the deadline is ${search.limits.deadlineMs} ms`,
  )
}
