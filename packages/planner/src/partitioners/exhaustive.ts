import type { Draft, DraftShard, DraftVolume } from '../evaluator/draft.ts'
import { isTileable, pointAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { restBounds } from './rest-bounds.ts'
import { rowVolume, shardsOf } from './rows.ts'
import type { Search } from './search.ts'
import { workers } from './strips.ts'

/** Partial plans that are looked at before the case counts as too large. */
const MAX_STEPS = 150_000
const MAX_CUTS = 12
const MAX_DEVICES = 4
/** A volume's rows are dealt out in at most this many blocks. */
const MAX_BLOCKS = 8

/**
 * Every sequence of volumes, each on one device or with its rows dealt out to any of the devices in any proportion (in
 * blocks, where there are many rows), in every plain wire format (in the given one, where the limits name it). A partial plan is given up only when its last volume
 * already ends later than the best whole plan, or would with the rest computed by all devices together: nothing that
 * could be better is skipped. For small cases.
 */
export const exhaustive: Method = {
  name: 'exhaustive',
  about: 'every plan of a small case, without exits',
  propose(search) {
    if (search.last > MAX_CUTS || search.room.devices.length > MAX_DEVICES) {
      return refuse('too-large', `looks at every plan: for at most ${MAX_CUTS} cuts and ${MAX_DEVICES} devices`)
    }
    const walk = new ExhaustiveWalk(search)
    if (!walk.go())
      return refuse('too-large', `looks at every plan: here there are more than ${MAX_STEPS} partial ones`)
    return walk.best === undefined ? search.whyNot() : propose(walk.best, `looked at ${walk.steps} partial plans`)
  },
}

export interface WalkOptions {
  /** A known plan; only what is better than it by `gain` (a share of its cost) is looked for. */
  readonly known?: Draft
  readonly gain?: number
  readonly maxSteps?: number
  /** Only each point's default wire format. Default false, true where the limits name a format. */
  readonly oneWire?: boolean
}

/** The walk over all plans; `best` holds the cheapest so far also when it is ended early. */
export class ExhaustiveWalk {
  best: Draft | undefined
  steps = 0
  readonly #maxSteps: number
  readonly #keep: number
  readonly #oneWire: boolean
  readonly #search: Search
  readonly #processors: readonly number[]
  readonly #restMs: readonly number[]
  #bestCost = Number.POSITIVE_INFINITY
  #input: Draft['input'] = 'tensor'

  constructor(search: Search, options: WalkOptions = {}) {
    this.#search = search
    this.#maxSteps = options.maxSteps ?? MAX_STEPS
    this.#oneWire = options.oneWire ?? search.limits.wire !== undefined
    this.#keep = 1 - (options.gain ?? 0)
    if (options.known !== undefined) {
      this.best = options.known
      this.#bestCost = search.cost(options.known)
    }
    this.#processors = workers(search)
    this.#restMs = restBounds(search)
  }

  /** False when the case is too large. */
  go(): boolean {
    this.#consider(this.#search.single(0))
    for (const input of this.#search.inputs) {
      this.#input = input
      if (!this.#extend([])) return false
    }
    return true
  }

  #extend(volumes: readonly DraftVolume[]): boolean {
    const { last, firstCut } = this.#search
    const from = volumes.at(-1)?.to ?? 0
    if (from === last) {
      this.#consider({ input: this.#input, volumes, exits: [], shares: [] })
      return true
    }
    // Long volumes first: plans of few parts are good ones more often, and bound what is left to look at.
    for (let to = last; to >= Math.max(from + 1, from === 0 ? firstCut : 0); to--) {
      for (const shards of this.#splits(from, to)) {
        const wires = this.#wires(to)
        const prefix = [...volumes, rowVolume(from, to, shards, 0)]
        if (++this.steps > this.#maxSteps) return false
        if (this.#bound(prefix) >= this.#bestCost * this.#keep) continue
        for (const wire of wires) {
          if (!this.#extend([...volumes, rowVolume(from, to, shards, wire)])) return false
        }
      }
    }
    return true
  }

  #wires(to: number): number[] {
    if (to === this.#search.last) return [0]
    return this.#oneWire ? [this.#search.wire(to)] : [...pointAt(this.#search.model, to).wires.keys()]
  }

  #consider(draft: Draft): void {
    const cost = this.#search.cost(draft)
    if (cost >= this.#bestCost) return
    this.#bestCost = cost
    this.best = draft
  }

  /** No completion of these volumes can cost less. */
  #bound(volumes: readonly DraftVolume[]): number {
    const draft: Draft = { input: this.#input, volumes, exits: [], shares: [] }
    const { readyMs, busiestMs } = this.#search.evaluator.prefix(draft)
    if (this.#search.limits.objective === 'throughput') return busiestMs
    return readyMs + (this.#restMs[volumes.at(-1)?.to ?? 0] as number)
  }

  #splits(from: number, to: number): DraftShard[][] {
    const raw = this.#search.firstCut > 0 && from === 0
    const singles = this.#processors
      .filter((processor) => !raw || this.#search.room.processors[processor]?.device === 0)
      .map((processor) => [{ processor, start: 0, end: 0 }])
    if (raw || !isTileable(this.#search.model, from, to)) return singles
    const rows = pointAt(this.#search.model, to).rows
    const block = Math.ceil(rows / MAX_BLOCKS)
    const deals = compositions(Math.ceil(rows / block), this.#processors.length)
      .map((blocks) => shardsOf(this.#processors, toRows(blocks, block, rows)))
      .filter((shards) => shards.length > 1)
    return [...singles, ...deals]
  }
}

/** All ways to deal `blocks` to `count` devices, zeros included. */
function compositions(blocks: number, count: number): number[][] {
  if (count === 1) return [[blocks]]
  const out: number[][] = []
  for (let first = 0; first <= blocks; first++) {
    for (const rest of compositions(blocks - first, count - 1)) out.push([first, ...rest])
  }
  return out
}

/** Blocks as rows; the last one dealt may be shorter. */
function toRows(blocks: readonly number[], block: number, rows: number): number[] {
  let left = rows
  return blocks.map((count) => {
    const taken = Math.min(left, count * block)
    left -= taken
    return taken
  })
}
