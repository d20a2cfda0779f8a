import type { Draft, DraftExit } from '../evaluator/draft.ts'
import { answersAll } from '../evaluator/expectation.ts'
import { allProcessors, joined, modesOn, usableSettings, withBoundary } from './place-exits.ts'
import type { Search } from './search.ts'

/** An exit that answers everything, or no exits at all: no operating point to keep to. */
const isPlain = ({ exits }: Draft): boolean => exits.length === 0 || exits.some(answersAll)

/** All exits at another operating point. */
export function* changedSettings(search: Search, draft: Draft): Generator<Draft> {
  if (isPlain(draft)) return
  for (const setting of usableSettings(search, lossLeft(search, draft))) {
    if (setting.shares === draft.shares) continue
    const exits = draft.exits.map((placed) => ({
      ...placed,
      threshold: setting.thresholds[placed.exit] ?? placed.threshold,
    }))
    yield { ...draft, exits, shares: setting.shares, exitLoss: setting.accuracyLoss }
  }
}

/** One exit on another processor, or in the other mode. */
export function* movedExits(search: Search, draft: Draft): Generator<Draft> {
  for (const [at, placed] of draft.exits.entries()) {
    const point = search.model.exits[placed.exit]?.point
    if (point === undefined) continue
    for (const processor of allProcessors(search)) {
      for (const mode of modesOn(draft, point, processor)) {
        if (processor === placed.processor && mode === placed.mode) continue
        yield { ...draft, exits: draft.exits.with(at, { ...placed, processor, mode }) }
      }
    }
  }
}

/** One exit less. */
export function* droppedExits(search: Search, draft: Draft): Generator<Draft> {
  for (const at of draft.exits.keys()) {
    const exits = draft.exits.toSpliced(at, 1)
    const points = new Set(exits.map(({ exit }) => search.model.exits[exit]?.point ?? -1))
    const { exitLoss: _, ...plain } = draft
    yield joined(exits.length === 0 ? { ...plain, exits, shares: [] } : { ...draft, exits }, points)
  }
}

/** One exit more, on any processor. */
export function* addedExits(search: Search, draft: Draft): Generator<Draft> {
  if (isPlain(draft)) return
  for (const [exit, { point, threshold }] of search.model.exits.entries()) {
    if (draft.exits.some((placed) => placed.exit === exit)) continue
    const split = withBoundary(draft, point, search.wire(point))
    if (split === undefined) continue
    const set = usableSettings(search, lossLeft(search, draft)).find(({ shares }) => shares === draft.shares)
    for (const processor of allProcessors(search)) {
      for (const mode of modesOn(split, point, processor)) {
        const placed: DraftExit = { exit, processor, threshold: set?.thresholds[exit] ?? threshold, mode }
        yield { ...split, exits: [...draft.exits, placed] }
      }
    }
  }
}

/** What wires and trunk leave of the accuracy budget for the exits. */
function lossLeft(search: Search, draft: Draft): number {
  return search.limits.maxAccuracyLoss - search.evaluate(draft).accuracyLoss + (draft.exitLoss ?? 0)
}
