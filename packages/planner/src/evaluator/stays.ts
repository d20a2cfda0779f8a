import type { PlannableModel } from '../model/plannable.ts'
import type { ComputeCosts } from './costs.ts'
import type { Draft } from './draft.ts'

/**
 * What a whole volume saves that begins in the Worker where the one before it has ended, or an exit between the two, ms: the
 * runtime's rule (`plan/routes.ts`, `follows`).
 */
export function staysMs(
  { volumes, exits }: Draft,
  index: number,
  processor: number,
  costs: ComputeCosts,
  model: PlannableModel,
): number {
  const hopMs = costs.hopMs(processor)
  if (hopMs === 0) return 0
  const [before, here] = [volumes[index - 1], volumes[index]]
  if (before?.shards.length !== 1 || here?.shards.length !== 1 || before.route === 'leader') return 0
  if (before.shards[0]?.processor !== processor || here.shards[0]?.processor !== processor) return 0
  const between = exits.filter(({ exit }) => model.exits[exit]?.point === before.to)
  return between.every((exit) => exit.mode === 'race' || exit.processor === processor) ? hopMs : 0
}
