import { pointAt } from '../model/plannable.ts'
import type { Method } from './method.ts'
import { singleCut } from './neurosurgeon.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/**
 * Compression creates cut points (ECNU: Wang et al. 2021; Zhang et al., JSA 2022): the candidates are the small-output
 * tensors that compression put into the network (learned low-rank bottlenecks and pruned trunks of the package) beside
 * the plain ones; the cut that minimises the predicted total wins.
 */
export const ecnu: Method = {
  name: 'ecnu',
  about: 'one cut at a layer that compression made small (Wang et al. 2021, JSA 2022)',
  propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const searches = [search, ...search.model.trunks.map((trunk) => search.onTrunk(trunk))]
    let bottlenecks = 0
    let best: { search: Search; draft: ReturnType<Search['single']>; cost: number } | undefined
    for (const one of searches) {
      const drafts = [one.single(0)]
      for (const device of one.helpers) {
        if (one.firstCut === 0) drafts.push(one.single(device, one.raw))
        for (let cut = Math.max(1, one.firstCut); cut < one.last; cut++) {
          for (const [wire, option] of pointAt(one.model, cut).wires.entries()) {
            if (option.wire.bottleneck !== undefined) bottlenecks++
            drafts.push(singleCut(one, device, cut, wire))
          }
        }
      }
      const draft = one.best(drafts)
      if (draft === undefined) continue
      const cost = one.cost(draft)
      if (best === undefined || cost < best.cost) best = { search: one, draft, cost }
    }
    if (best === undefined) return search.whyNot()
    const notes = [
      ...(bottlenecks === 0
        ? ['the model package has no learned bottleneck: only plain wire formats were weighed']
        : []),
      ...(search.model.trunks.length === 0 ? ['the model package has no compressed trunk of measured accuracy'] : []),
    ]
    return { ok: true, draft: best.draft, search: best.search, notes }
  },
}
