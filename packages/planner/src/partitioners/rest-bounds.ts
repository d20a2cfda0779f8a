import { modelMacs, segmentAt } from '../model/plannable.ts'
import type { Search } from './search.ts'
import { speeds, workers } from './strips.ts'

const KNOWN = new WeakMap<Search, readonly number[]>()

/** Least time for the work behind each point on all devices together, without overhead, halo and exchange, in ms. */
export function restBounds(search: Search): readonly number[] {
  let bounds = KNOWN.get(search)
  if (bounds === undefined) {
    bounds = boundsOf(search)
    KNOWN.set(search, bounds)
  }
  return bounds
}

function boundsOf(search: Search): number[] {
  const { model, last } = search
  const processors = workers(search)
  const bursts = processors.map((processor) => search.room.processors[processor]?.compute.burst ?? 1)
  const bounds: number[] = new Array(last + 1).fill(0)
  if (modelMacs(model) === 0) return bounds
  for (let i = last - 1; i >= 0; i--) {
    const rates = speeds(search, processors, { from: i, to: i + 1 }).map((rate, at) => rate * (bursts[at] as number))
    // What cannot be split by rows takes at least as long as on the fastest device.
    const together = segmentAt(model, i).tables() === undefined ? Math.max(...rates) : rates.reduce((a, b) => a + b, 0)
    const ms = Math.max(segmentAt(model, i).macs, 1) / together
    bounds[i] = (bounds[i + 1] as number) + ms
  }
  return bounds
}
