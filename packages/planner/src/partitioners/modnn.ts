import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { complete, everyLayer, proportional, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

/**
 * MoDNN (DATE'17): every layer alone, rows in proportion to compute, gather and scatter through the leader after each;
 * the network is ignored. The dense layers stay with the leader, because weight splits have no row form. [ours]
 */
export const modnn: Method = {
  name: 'modnn',
  about: "every layer alone, rows in proportion to compute, through the leader (DATE'17)",
  propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const processors = workers(search)
    const split = proportional(search, processors, speeds(search, processors, span))
    const best = search.best(
      complete(search, stripVolumes(search, span, everyLayer(span), split, 'leader'), search.mainOf(0)),
    )
    return best === undefined ? search.whyNot() : propose(best)
  },
}
