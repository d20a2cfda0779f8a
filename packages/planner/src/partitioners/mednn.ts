import type { DraftShard } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { shardsOf } from './rows.ts'
import type { Search } from './search.ts'
import { complete, everyLayer, rowSpan, stripVolumes, workers } from './strips.ts'

/**
 * MeDNN (ICCAD'17): as MoDNN, but the tiles are chosen greedily over computing and sending. Published with 2-D tiles;
 * built in row form: each row goes to the device that would finish it first. [ours]
 */
export const mednn: Method = {
  name: 'mednn',
  about: "as MoDNN with a greedy split over computing and sending, in row form (ICCAD'17)",
  propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const processors = workers(search)
    const strips = stripVolumes(
      search,
      span,
      everyLayer(span),
      (from, to) => greedyRows(search, from, to, processors),
      'leader',
    )
    const best = search.best(complete(search, strips, search.mainOf(0)))
    return best === undefined ? search.whyNot() : propose(best)
  },
}

function greedyRows(search: Search, from: number, to: number, processors: readonly number[]): DraftShard[] {
  const { room, model } = search
  const { rows, elementsPerRow } = pointAt(model, to)
  const input = pointAt(model, from)
  const bits = model.points[to]?.wires[search.wire(to)]?.wire.bits ?? 32
  const bytesPerRow = ((elementsPerRow + input.elements / rows) * bits) / 8
  const perRow = processors.map((processor) => {
    const compute = search.evaluator.costs.wholeMs(processor, from, to) / rows
    const device = room.processors[processor]?.device ?? 0
    const link = room.links[0]?.[device]
    return compute + (device === 0 ? 0 : (link?.serialMs(bytesPerRow) ?? Number.POSITIVE_INFINITY))
  })
  const fixed = processors.map((processor) => {
    const device = room.processors[processor]?.device ?? 0
    return device === 0 ? 0 : (room.links[0]?.[device]?.rttMs ?? 0)
  })
  const counts: number[] = processors.map(() => 0)
  const finish = (at: number) => (fixed[at] as number) + ((counts[at] as number) + 1) * (perRow[at] as number)
  for (let row = 0; row < rows; row++) {
    let best = 0
    for (let at = 1; at < processors.length; at++) if (finish(at) < finish(best)) best = at
    counts[best] = (counts[best] as number) + 1
  }
  return shardsOf(processors, counts)
}
