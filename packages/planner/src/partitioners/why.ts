import type { Draft } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { singleCuts } from './neurosurgeon.ts'
import { splitRows } from './rows.ts'
import type { Search } from './search.ts'

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

/** A sentence for each device that the plan leaves out: "adding Tab B would cost 9 ms more than it saves". */
export function uselessDevices(search: Search, draft: Draft, cost: number): string[] {
  const used = devicesOf(search, draft)
  const notes = search.room.excluded.map(({ name, why }) => `${name} is left out: it ${why}`)
  for (const device of search.helpers) {
    if (used.has(device)) continue
    const name = search.room.devices[device]?.name ?? ''
    const with_ = cheapestWith(search, draft, device)
    if (Number.isFinite(with_))
      notes.push(`adding ${name} would cost ${milliseconds(Math.max(0, with_ - cost))} more than it saves`)
    else notes.push(`${name} is left out: nothing of the network fits there within the limits`)
  }
  return notes
}

/** The cheapest way found to give a device something to do. */
function cheapestWith(search: Search, draft: Draft, device: number): number {
  const processor = search.mainOf(device)
  let best = Number.POSITIVE_INFINITY
  const consider = (trial: Draft) => {
    best = Math.min(best, search.cost(trial))
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
