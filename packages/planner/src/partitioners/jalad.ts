import { pointAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { singleCut } from './neurosurgeon.ts'
import { refuse } from './refusal.ts'

/**
 * JALAD (ICPADS'18): one cut and the bits of its feature map together, the soonest whose loss stays within the limit.
 * Published with entropy coding behind the quantisation; the wire formats here have none. [ours]
 */
export const jalad: Method = {
  name: 'jalad',
  about: "one cut x bits of the feature map under an accuracy loss (ICPADS'18)",
  propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const drafts = [search.single(0)]
    for (const device of search.helpers) {
      if (search.firstCut === 0) drafts.push(search.single(device, search.raw))
      for (let cut = Math.max(1, search.firstCut); cut < search.last; cut++) {
        for (const [wire, option] of pointAt(search.model, cut).wires.entries()) {
          if (option.wire.bottleneck !== undefined) continue
          drafts.push(singleCut(search, device, cut, wire))
        }
      }
    }
    const best = search.best(drafts)
    if (best === undefined) return search.whyNot()
    const [{ to, wire } = { to: 0, wire: 0 }] = best.volumes
    const chosen = best.volumes.length > 1 ? pointAt(search.model, to).wires[wire] : undefined
    const isAssumed = chosen !== undefined && !chosen.measured && chosen.accuracyLoss > 0
    return isAssumed
      ? propose(best, 'the loss of this bit width is assumed: the model package has not measured it')
      : propose(best)
  },
}
