import type { Draft } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { singleCuts } from './neurosurgeon.ts'
import { splitRows } from './rows.ts'
import type { Search } from './search.ts'

/** What people would read as 0.0 ms. */
const LEAST_MS = 0.05

/** Milliseconds for people. */
export const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`

export function devicesOf(search: Search, draft: Draft): Set<number> {
  const devices = new Set<number>()
  for (const volume of draft.volumes) {
    for (const shard of volume.shards) devices.add(search.room.processors[shard.processor]?.device ?? 0)
  }
  for (const exit of draft.exits) devices.add(search.room.processors[exit.processor]?.device ?? 0)
  return devices
}

/** A plan that gives a device of those left out something to do: the cheapest way found. */
export interface Addition {
  readonly device: number
  /** In the unit of the objective; infinite and without a draft where nothing fits there within the limits. */
  readonly cost: number
  readonly draft?: Draft
}

/** For each device that the plan leaves out what adding it would cost. */
export function additions(search: Search, draft: Draft): Addition[] {
  const used = devicesOf(search, draft)
  return search.helpers.filter((device) => !used.has(device)).map((device) => cheapestWith(search, draft, device))
}

/** A sentence for each device that the plan leaves out: "adding Tab B would cost 9 ms more than it saves". */
export function uselessDevices(search: Search, left: readonly Addition[], cost: number): string[] {
  const notes = search.room.excluded.map(({ name, why }) => `${name} is left out: it ${why}`)
  for (const { device, cost: with_ } of left) {
    const name = search.room.devices[device]?.name ?? ''
    const more = with_ - cost
    if (!Number.isFinite(with_)) notes.push(`${name} is left out: nothing of the network fits there within the limits`)
    else if (Math.abs(more) < LEAST_MS) notes.push(`adding ${name} would save nothing`)
    else if (more > 0) notes.push(`adding ${name} would cost ${milliseconds(more)} more than it saves`)
    else notes.push(`adding ${name} would save only ${milliseconds(-more)}`)
  }
  return notes
}

function cheapestWith(search: Search, draft: Draft, device: number): Addition {
  const processor = search.mainOf(device)
  const { deadlineMs = Number.POSITIVE_INFINITY } = search.limits
  let best: Addition = { device, cost: Number.POSITIVE_INFINITY }
  const consider = (trial: Draft) => {
    const cost = search.cost(trial) * search.kindFactor(trial)
    if (cost >= best.cost || (deadlineMs < Number.POSITIVE_INFINITY && search.fullMs(trial) > deadlineMs)) return
    best = { device, cost, draft: trial }
  }
  for (const [at, volume] of draft.volumes.entries()) {
    const moved = { ...volume, shards: [{ processor, start: 0, end: 0 }] }
    consider({ ...draft, volumes: draft.volumes.with(at, moved) })
    const { rows } = pointAt(search.model, volume.to)
    if (volume.shards.length > 1) {
      const processors = [...volume.shards.map((shard) => shard.processor), processor]
      const weights = [...volume.shards.map((shard) => shard.end - shard.start), Math.max(1, rows / 8)]
      const shards = splitRows(rows, processors, weights)
      if (shards.length === processors.length)
        consider({ ...draft, volumes: draft.volumes.with(at, { ...volume, shards }) })
    }
  }
  for (const cut of singleCuts(search, undefined, [device])) consider(cut)
  return best
}
