import { type Draft, type DraftVolume, wholeVolume } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import type { Search } from './search.ts'

/** Sets of devices are enumerated over at most this many of them, the initiator and the fastest. */
const MAX_STAGES = 9
const BISECTIONS = 16

interface Reach {
  /** Furthest point that the last stage can compute up to within the period, and where it started. */
  readonly until: number
  readonly from: number
  readonly before?: { readonly set: number; readonly device: number; readonly cut: number }
}

/**
 * Pipelines with short periods: bisection over the period, and for each a dynamic program over sets of devices and the
 * last stage's device. Each device has one stage; computing, packing and sending of a stage must fit into the period.
 */
export function pipelineDrafts(search: Search): Draft[] {
  const devices = chosenDevices(search)
  const alone = Math.min(
    ...devices.map((device) => search.evaluator.costs.wholeMs(search.mainOf(device), 0, search.last)),
  )
  let low = 0
  let high = alone
  const drafts: Draft[] = []
  for (let i = 0; i < BISECTIONS && high - low > high * 1e-3; i++) {
    const period = (low + high) / 2
    const draft = pipelineWithin(search, devices, period)
    if (draft === undefined) {
      low = period
      continue
    }
    drafts.push(draft)
    high = period
  }
  return drafts.reverse()
}

function chosenDevices(search: Search): number[] {
  const speed = (device: number) => search.evaluator.costs.wholeMs(search.mainOf(device), 0, search.last)
  const helpers = search.helpers.toSorted((a, b) => speed(a) - speed(b)).slice(0, MAX_STAGES - 1)
  return [0, ...helpers]
}

function pipelineWithin(search: Search, devices: readonly number[], period: number): Draft | undefined {
  const { last, firstCut } = search
  const count = devices.length
  const sets = 1 << count
  const reached: (Reach | undefined)[] = new Array(sets * count)
  for (const [at, device] of devices.entries()) {
    if (firstCut > 0 && at > 0) continue
    if (at > 0 && inputMs(search, device) > period) continue
    reached[(1 << at) * count + at] = { from: 0, until: furthest(search, device, 0, period) }
  }
  for (let set = 1; set < sets; set++) {
    for (const [at, device] of devices.entries()) {
      const here = reached[set * count + at]
      if (here === undefined) continue
      if (here.until === last) return unwind(search, devices, reached, set, at)
      for (const [next, receiver] of devices.entries()) {
        if ((set & (1 << next)) !== 0) continue
        const cut = lastCut(search, device, receiver, here, period)
        if (cut === undefined) continue
        const until = furthest(search, receiver, cut, period)
        const index = (set | (1 << next)) * count + next
        const known = reached[index]
        if (known !== undefined && known.until >= until) continue
        reached[index] = { from: cut, until, before: { set, device: at, cut } }
      }
    }
  }
  return undefined
}

/** The furthest point that a device can compute up to from `from` within the period; `from` when not even one. */
function furthest(search: Search, device: number, from: number, period: number): number {
  const processor = search.mainOf(device)
  let until = from
  while (until < search.last && search.evaluator.costs.wholeMs(processor, from, until + 1) <= period) until++
  return until
}

/** The deepest cut behind a stage that its link to the next one can carry within the period. */
function lastCut(search: Search, from: number, to: number, stage: Reach, period: number): number | undefined {
  const link = search.room.links[from]?.[to]
  if (link === undefined) return undefined
  for (let cut = Math.min(stage.until, search.last - 1); cut > stage.from; cut--) {
    if (cut < search.firstCut) return undefined
    const option = pointAt(search.model, cut).wires[search.wire(cut)]
    if (option !== undefined && link.serialMs(option.bytes) <= period) return cut
  }
  return undefined
}

function inputMs(search: Search, device: number): number {
  const { picture } = search.model
  const link = search.room.links[0]?.[device]
  if (link === undefined) return Number.POSITIVE_INFINITY
  const bytes = search.inputs.includes('jpeg') ? picture.jpeg : (pointAt(search.model, 0).elements * search.rawBits) / 8
  return link.serialMs(bytes)
}

function unwind(
  search: Search,
  devices: readonly number[],
  reached: readonly (Reach | undefined)[],
  set: number,
  at: number,
): Draft {
  const volumes: DraftVolume[] = []
  let to = search.last
  let here: { set: number; device: number } = { set, device: at }
  for (;;) {
    const stage = reached[here.set * devices.length + here.device] as Reach
    const processor = search.mainOf(devices[here.device] as number)
    volumes.unshift(wholeVolume(stage.from, to, processor, search.wire(to)))
    if (stage.before === undefined) break
    to = stage.before.cut
    here = stage.before
  }
  const remote = devices[here.device] !== 0
  const input = search.inputs.includes('jpeg') ? 'jpeg' : search.raw
  return { input: remote ? input : 'tensor', volumes, exits: [], shares: [] }
}
