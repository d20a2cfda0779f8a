import { balanced } from './balance.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { complete, everyLayer, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

/**
 * EdgeLD / OCBP (2020): layer by layer, rows in proportion to compute, then one row at a time from the slowest device to
 * the fastest until the layer is balanced; halos go from peer to peer.
 */
export const edgeld: Method = {
  name: 'edgeld',
  about: 'every layer alone, rows moved one by one until balanced (EdgeLD / OCBP)',
  propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const processors = workers(search)
    const weights = speeds(search, processors, span)
    const split = (from: number, to: number) => balanced(search, from, to, processors, weights)
    const best = search.best(complete(search, stripVolumes(search, span, everyLayer(span), split)))
    return best === undefined ? search.whyNot() : propose(best)
  },
}
