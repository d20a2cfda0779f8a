import { type PlannableModel, pointAt } from '../model/plannable.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { ComputeCosts } from './costs.ts'
import type { Draft, DraftExit, DraftVolume } from './draft.ts'
import { answersAll, expectedLatency } from './expectation.ts'
import type { MessageLink } from './message-link.ts'
import type { Payload, Payloads } from './payload.ts'
import type { Room } from './room.ts'

/** What a search looks for. */
export interface Bound {
  /** A latency below this. */
  readonly latencyMs: number
  /** Answers of the trunk before `ms`, when the work behind each point takes at least `restMs`. */
  readonly trunk?: { readonly ms: number; readonly restMs: readonly number[] } | undefined
}

/** Rounding, as a share. */
const ROUNDING = 1e-9
const NOBODY = -1

/**
 * What a draft's latency is at least: its volumes one after the other as soon as each has all its input, as if every
 * processor and link were idle and every congestion window open. Searches need not play what cannot be better.
 */
export class LeastLatency {
  readonly #model: PlannableModel
  readonly #costs: ComputeCosts
  readonly #payloads: Payloads
  readonly #device: Int32Array
  readonly #links: readonly (MessageLink | undefined)[]
  readonly #devices: number
  readonly #exitPoint: Int32Array
  /** `#answers[exit * devices + device]`: the least time of an exit's answer to the initiator; NaN: not known yet. */
  readonly #answers: Float64Array
  readonly #exitMs: number[] = []
  /** When the first and the last rows of the current tensor are there, and who has all of them. */
  #soonestMs = Number.NaN
  #latestMs = Number.NaN
  #holder = 0

  constructor(model: PlannableModel, room: Room, costs: ComputeCosts, payloads: Payloads) {
    this.#model = model
    this.#costs = costs
    this.#payloads = payloads
    this.#device = Int32Array.from(room.processors, ({ device }) => device)
    this.#devices = room.devices.length
    this.#links = room.links.flat()
    this.#exitPoint = Int32Array.from(model.exits, ({ point }) => point)
    this.#answers = new Float64Array(model.exits.length * room.devices.length).fill(Number.NaN)
  }

  /** @param from how the first `begun` volumes end; `shares` of requests that each placed exit answers */
  of(draft: Draft, shares: readonly number[], begun: number, from: Checkpoint | undefined): number {
    const { volumes, exits } = draft
    const exitMs = this.#exitMs
    exitMs.length = exits.length
    for (let at = 0; at < exits.length; at++) {
      const exit = exits[at] as DraftExit
      if (answersAll(exit)) return 0
      exitMs[at] = from === undefined ? Number.POSITIVE_INFINITY : (from.exitMs[exit.exit] as number)
    }
    this.#begin(from)
    let payload = this.#payloads.input(draft.input)
    for (let index = begun; index < volumes.length; index++) {
      const volume = volumes[index] as DraftVolume
      if (index > 0) {
        const { to, wire, route } = volumes[index - 1] as DraftVolume
        // By way of the leader it may be sooner than straight.
        if (route === 'leader') this.#holder = NOBODY
        payload = this.#payloads.feature(to, wire)
        if (exits.length > 0) this.#exits(draft, volume.from, payload)
      }
      this.#compute(volume, payload)
    }
    const { to, wire } = volumes[volumes.length - 1] as DraftVolume
    if (exits.length > 0) this.#exits(draft, to, this.#payloads.feature(to, wire))
    if ((volumes[volumes.length - 1] as DraftVolume).route === 'leader') this.#holder = NOBODY
    const fullMs = this.#latestMs + this.#wayMs(this.#holder, 0, to, this.#payloads.feature(to, wire))
    return expectedLatency(exitMs, shares, fullMs) * (1 - ROUNDING)
  }

  #begin(from: Checkpoint | undefined): void {
    this.#soonestMs = 0
    this.#latestMs = 0
    this.#holder = 0
    if (from === undefined) return
    const { count, readyMs, device } = from.held
    this.#soonestMs = Number.POSITIVE_INFINITY
    for (let at = 0; at < count; at++) {
      this.#soonestMs = Math.min(this.#soonestMs, readyMs[at] as number)
      this.#latestMs = Math.max(this.#latestMs, readyMs[at] as number)
    }
    this.#holder = count === 1 ? (device[0] as number) : NOBODY
  }

  #compute({ from, to, shards }: DraftVolume, payload: Payload): void {
    const costs = this.#costs
    if (shards.length === 1) {
      const { processor } = shards[0] as DraftVolume['shards'][number]
      const device = this.#device[processor] as number
      const readyMs = this.#latestMs + this.#wayMs(this.#holder, device, from, payload)
      this.#latestMs = readyMs + costs.soonestMs(processor, costs.wholeMs(processor, from, to) - costs.hopMs(processor))
      this.#soonestMs = this.#latestMs
      this.#holder = device
      return
    }
    let least = Number.POSITIVE_INFINITY
    let most = 0
    for (let at = 0; at < shards.length; at++) {
      const { processor, start, end } = shards[at] as DraftVolume['shards'][number]
      const ms = costs.soonestMs(processor, costs.shardMs(processor, from, to, start, end))
      if (ms < least) least = ms
      if (ms > most) most = ms
    }
    // A shard may not need the rows that come last.
    this.#latestMs = this.#soonestMs + most
    this.#soonestMs += least
    this.#holder = NOBODY
  }

  #exits({ exits }: Draft, point: number, payload: Payload): void {
    const readyMs = this.#latestMs
    const holder = this.#holder
    for (let at = 0; at < exits.length; at++) {
      const exit = exits[at] as DraftExit
      if (this.#exitPoint[exit.exit] !== point) continue
      const { processor } = exit
      const device = this.#device[processor] as number
      const costs = this.#costs
      const ms = costs.soonestMs(processor, costs.exitMs(processor, exit.exit) - costs.hopMs(processor))
      const verdictMs = readyMs + this.#wayMs(holder, device, point, payload) + ms
      this.#exitMs[at] = verdictMs + this.#answerMs(exit.exit, device)
      if (exit.mode === 'race') continue
      this.#latestMs = verdictMs
      this.#soonestMs = verdictMs
      this.#holder = device
    }
  }

  #answerMs(exit: number, device: number): number {
    if (device === 0) return 0
    const at = exit * this.#devices + device
    let ms = this.#answers[at] as number
    if (Number.isNaN(ms)) {
      const link = this.#links[device * this.#devices]
      ms = link === undefined ? 0 : link.serialMs(this.#model.exits[exit]?.outputBytes ?? 0) + link.rttMs / 2
      this.#answers[at] = ms
    }
    return ms
  }

  /** From who holds all of a point's tensor to a device. */
  #wayMs(holder: number, device: number, point: number, payload: Payload): number {
    if (holder === device || holder === NOBODY) return 0
    const way = holder * this.#devices + device
    let ms = payload.soonestMs[way] as number
    if (Number.isNaN(ms)) {
      ms = this.#soonestMsOf(holder, device, point, payload)
      payload.soonestMs[way] = ms
    }
    return ms
  }

  #soonestMsOf(holder: number, device: number, point: number, payload: Payload): number {
    const link = this.#links[holder * this.#devices + device]
    if (link === undefined) return Number.POSITIVE_INFINITY
    const rows = Math.max(1, pointAt(this.#model, point).rows)
    const sentMs = link.serialMs(payload.bytesOf(rows)) + link.rttMs / 2
    if (payload.kind === 'picture') return sentMs + (payload.decodeMs[device] as number)
    return sentMs + rows * ((payload.encodeMs[holder] as number) + (payload.decodeMs[device] as number))
  }
}
