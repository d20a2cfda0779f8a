import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'

/** Everything on the best single helper; the picture travels as JPEG, or raw where no loss at all is allowed. */
export const offload: Method = {
  name: 'offload',
  about: 'the picture (JPEG) to the best single helper',
  propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    if (search.firstCut > 0) return refuse('privacy', 'the picture must stay on the initiator')
    const inputs = search.inputs.includes('jpeg') ? (['jpeg'] as const) : search.inputs
    const drafts = search.helpers.flatMap((device) => inputs.map((input) => search.single(device, input)))
    const best = search.best(drafts)
    return best === undefined ? search.whyNot() : propose(best)
  },
}
