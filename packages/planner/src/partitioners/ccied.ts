import { pointAt } from '../model/plannable.ts'
import type { Method, Proposal } from './method.ts'
import { singleCut } from './neurosurgeon.ts'
import { refuse } from './refusal.ts'
import type { Search } from './search.ts'

/**
 * Device selection with a pruned split (CN111522657; CCIED, HPCC 2020): the registry's devices are screened (reachable,
 * visible, lending: done when the room is read; here memory and storage), then weighed by computing, network and storage
 * as one predicted end-to-end time; the tensor at the cut travels in its smallest allowed form. [ours]
 */
export const ccied: Method = {
  name: 'ccied',
  about: 'screens the devices, weighs compute, network and storage, smallest tensor at the cut (HPCC 2020)',
  propose(search) {
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const notes = search.room.excluded.map(({ name, why }) => `${name} is screened out: it ${why}`)
    const weightsMb = search.model.segments.reduce((sum, segment) => sum + segment.parameters * 4, 0) / 1e6
    const ranked: { name: string; cost: number; draft: ReturnType<Search['single']> }[] = []
    for (const device of search.helpers) {
      const { name, id, memoryBytes } = search.room.devices[device] as Search['room']['devices'][number]
      const storage = search.room.topology.devices.find((profile) => profile.id === id)?.storage
      if (storage !== undefined && storage.quotaMb > 0 && storage.quotaMb < weightsMb) {
        notes.push(`${name} is screened out: its storage cannot hold the ${weightsMb.toFixed(0)} MB of weights`)
        continue
      }
      if (memoryBytes < weightsMb * 1e6) {
        notes.push(`${name} is screened out: its memory cannot hold the ${weightsMb.toFixed(0)} MB of weights`)
        continue
      }
      const draft = search.best([search.single(0), ...smallCuts(search, device)])
      if (draft === undefined) continue
      // Weights are read from storage once per change of plan; a thousandth of that counts against each request.
      const reading = storage !== undefined && storage.readMbPerSecond > 0 ? weightsMb / storage.readMbPerSecond : 0
      ranked.push({ name, cost: search.cost(draft) + reading, draft })
    }
    const [best] = ranked.sort((a, b) => a.cost - b.cost)
    if (best === undefined) return search.whyNot()
    return { ok: true, draft: best.draft, notes } satisfies Proposal
  },
}

function* smallCuts(search: Search, device: number) {
  for (let cut = Math.max(1, search.firstCut); cut < search.last; cut++) {
    const allowed = [...pointAt(search.model, cut).wires.entries()]
      .filter(([, option]) => option.accuracyLoss <= search.limits.maxAccuracyLoss)
      .sort(([, a], [, b]) => a.bytes - b.bytes)
    const [smallest] = allowed
    if (smallest !== undefined) yield singleCut(search, device, cut, smallest[0])
  }
}
