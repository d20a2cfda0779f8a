import { lastPoint } from '../model/plannable.ts'
import type { Draft } from './draft.ts'
import type { Evaluator } from './evaluator.ts'

/**
 * Time that a plan's requests lose, once, to the initiator's getting ready to complete them alone: after a plan's first
 * answer the runtime builds the whole network on the initiator's first processor and runs it once. Nothing where the plan
 * does not need that processor, or needs no other device.
 */
export function readinessMs({ model, room, costs }: Evaluator, { volumes, exits }: Draft): number {
  const own = room.devices[0]?.processors[0]
  if (own === undefined) return 0
  let needed = exits.some(({ processor }) => processor === own)
  let alone = true
  for (const { shards } of volumes) {
    for (const { processor } of shards) {
      if (processor === own) needed = true
      if (room.processors[processor]?.device !== 0) alone = false
    }
  }
  return needed && !alone ? costs.wholeMs(own, 0, lastPoint(model)) : 0
}
