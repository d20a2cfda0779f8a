import { pointAt, segmentAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { splitRows } from './rows.ts'
import type { Search } from './search.ts'
import { complete, everyReduction, type RowSpan, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

/**
 * DeepThings (TCAD'18): the early layers are fused and the fused output is cut into an equal grid; idle devices steal
 * tiles. In row form: twice as many equal strips as devices, handed to whoever is free first; a device's strips are
 * joined. Early layers are those whose feature maps outweigh their weights. [ours]
 */
export const deepthings: Method = {
  name: 'deepthings',
  about: "early layers fused, equal strips of the fused output, work stealing (TCAD'18)",
  propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const early = { from: span.from, to: earlyEnd(search, span) }
    const strips = stripVolumes(search, early, [early.to], (_, to) => stolenStrips(search, early, to))
    const best = search.best(complete(search, strips))
    return best === undefined ? search.whyNot() : propose(best)
  },
}

/**
 * DeeperThings (IJPP'21): fused early layers as in DeepThings, and the later layers are distributed as well. Published
 * with weight splits where feature maps are small; built in row form: the later layers in one volume per reduction of
 * the rows, equal strips. [ours]
 */
export const deeperthings: Method = {
  name: 'deeperthings',
  about: "as DeepThings over all layers, weight splits in row form (IJPP'21)",
  propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const early = earlyEnd(search, span)
    const ends = [early, ...everyReduction(search, span).filter((end) => end > early)]
    const processors = workers(search)
    const equal = (to: number) =>
      splitRows(
        pointAt(search.model, to).rows,
        processors,
        processors.map(() => 1),
      )
    const strips = stripVolumes(search, span, ends, (_, to) => equal(to))
    const best = search.best(complete(search, strips))
    return best === undefined ? search.whyNot() : propose(best)
  },
}

function earlyEnd(search: Search, span: RowSpan): number {
  let end = span.from + 1
  for (let i = span.from; i < span.to; i++) {
    if (segmentAt(search.model, i).parameters > pointAt(search.model, i + 1).elements) break
    end = i + 1
  }
  return end
}

function stolenStrips(search: Search, span: RowSpan, to: number) {
  const processors = workers(search)
  const rates = speeds(search, processors, span)
  const strips = Math.min(processors.length * 2, pointAt(search.model, to).rows)
  const taken: number[] = processors.map(() => 0)
  const free = (at: number) => ((taken[at] as number) + 1) / (rates[at] as number)
  for (let strip = 0; strip < strips; strip++) {
    let first = 0
    for (let at = 1; at < processors.length; at++) if (free(at) < free(first)) first = at
    taken[first] = (taken[first] as number) + 1
  }
  return splitRows(pointAt(search.model, to).rows, processors, taken)
}
