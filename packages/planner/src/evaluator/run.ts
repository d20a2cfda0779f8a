import type { Span } from '@roomful/core'
import { type PlannableModel, pointAt } from '../model/plannable.ts'
import { Anchor } from './anchor.ts'
import { Checkpoint } from './checkpoint.ts'
import type { ComputeCosts } from './costs.ts'
import type { Draft, DraftExit, DraftVolume } from './draft.ts'
import { answersAll, placedShares } from './expectation.ts'
import { Holders, MAX_SHARDS, SendQueue } from './holders.ts'
import { type Bound, LeastLatency } from './least.ts'
import { MemoryUse, rowShare } from './memory.ts'
import { Needs } from './needs.ts'
import { type Payload, Payloads } from './payload.ts'
import type { Room } from './room.ts'
import { staysMs } from './stays.ts'
import { Transfers } from './transfers.ts'

/**
 * One passage of a request through a draft, on arrays that are reused from draft to draft. After `play` the fields and
 * `transfers` hold the outcome.
 */
export class Run {
  readonly transfers: Transfers
  readonly memory: MemoryUse
  /**
   * When the trunk's answer is at the initiator, or that of an exit that answers everything; Infinity when a link is
   * missing.
   */
  fullMs = Number.NaN
  /** Whether it was not played to its end since it is not what is looked for. */
  isGivenUp = false
  /** How many volumes run: those behind an exit that answers everything and is waited for never do. */
  volumesRun = 0
  /** Per placed exit, in the order of the draft, when its answer is at the initiator. */
  readonly exitMs: number[] = []
  /** Per placed exit the share of requests it answers. */
  readonly shares: number[] = []
  /** Squared losses of the wires. */
  noise = Number.NaN
  readonly #model: PlannableModel
  readonly #room: Room
  readonly #costs: ComputeCosts
  readonly #payloads: Payloads
  readonly #needs: Needs
  readonly #device: Int32Array
  readonly #queue = new SendQueue()
  readonly #readyMs = new Float64Array(MAX_SHARDS)
  readonly #remote = new Uint8Array(MAX_SHARDS)
  /** What plans without exits that begin alike start from, and what those with exits do. */
  readonly #least: LeastLatency
  readonly #plainAnchor: Anchor
  readonly #exitAnchor: Anchor
  #held = new Holders()
  #next = new Holders()
  /** When an exit that answers everything has answered; Infinity without one. */
  #certainMs = Number.POSITIVE_INFINITY

  constructor(model: PlannableModel, room: Room, costs: ComputeCosts) {
    this.#model = model
    this.#room = room
    this.#costs = costs
    this.#payloads = new Payloads(model, room)
    this.#needs = new Needs(model)
    this.#least = new LeastLatency(model, room, costs, this.#payloads)
    this.transfers = new Transfers(room)
    this.memory = new MemoryUse(room)
    this.#plainAnchor = new Anchor(model)
    this.#exitAnchor = new Anchor(model)
    this.#device = Int32Array.from(room.processors, (processor) => processor.device)
  }

  /** Given up, with an infinite time, once the answer cannot come before `bound` any more. */
  play(draft: Draft, spans?: Span[], bound?: Bound): void {
    const payload = this.#playVolumes(draft, spans, bound)
    if (payload === undefined) {
      this.fullMs = Number.POSITIVE_INFINITY
      return
    }
    if (this.volumesRun < draft.volumes.length) {
      this.fullMs = this.#certainMs
      return
    }
    this.#gather(payload, draft.volumes.length - 1)
    this.fullMs = Math.min(this.#held.readyMs[0] as number, this.#certainMs)
  }

  /** Drafts that begin like this one are played from where they part, until the next call. */
  anchor(draft: Draft): void {
    const exits = draft.exits.length > 0
    this.#plainAnchor.set(exits ? undefined : draft)
    if (exits) this.#exitAnchor.set(draft)
  }

  /** The same for drafts with exits alone. */
  exitAnchor(draft: Draft): void {
    this.#exitAnchor.set(draft)
  }

  /** Without bringing the output to the initiator; returns when all of it is computed. */
  playPrefix(draft: Draft): number {
    this.#playVolumes(draft)
    return this.#held.latestMs()
  }

  #playVolumes(draft: Draft, spans?: Span[], bound?: Bound, keep?: Anchor): Payload | undefined {
    const net = this.transfers
    const trunk = bound?.trunk
    const { volumes } = draft
    const exits = draft.exits.length > 0
    const anchor = exits ? this.#exitAnchor : this.#plainAnchor
    let first = spans === undefined && keep === undefined ? this.#sharedVolumes(draft, anchor) : 0
    this.#begin(draft)
    let payload: Payload
    if (exits && first > 0) first = Math.min(anchor.saved, anchor.beforeUnlikeExits(draft, this.shares, first))
    const from = first > 0 ? (anchor.checkpoints[first] as Checkpoint) : undefined
    // Plans without exits are soon played, or given up on the way.
    if (exits && bound !== undefined && this.#least.of(draft, this.shares, first, from) >= bound.latencyMs) {
      this.isGivenUp = true
      return undefined
    }
    if (from !== undefined) {
      const { to, wire } = volumes[first - 1] as DraftVolume
      payload = this.#payloads.feature(to, wire)
      this.#goOn(from, draft)
      if (exits && this.#exits(draft, first, 'wait', payload)) {
        this.#reserve(draft, first)
        return payload
      }
    } else {
      payload = this.#payloads.input(draft.input)
      net.begin(spans)
      this.memory.reset()
      this.noise = 0
      const beginsHere = volumes[0]?.shards.some(({ processor }) => this.#device[processor] === 0) === true
      this.#held.single(0, Math.max(1, pointAt(this.#model, 0).rows), beginsHere ? net.ask() : 0)
    }
    for (let index = first; index < volumes.length; index++) {
      const volume = volumes[index] as DraftVolume
      const before = net.rows
      if (index > 0 && volumes[index - 1]?.route === 'leader') this.#gather(payload, index - 1)
      this.#deliver(volume, payload, index)
      const crossed = (net.rows - before) / Math.max(1, pointAt(this.#model, volume.from).rows)
      this.noise += payload.accuracyLoss ** 2 * Math.min(1, crossed)
      if (exits) this.#exits(draft, index, 'race', payload)
      const decoderMacs = index > 0 ? payload.decoderMacs : 0
      payload = this.#payloads.feature(volume.to, volume.wire)
      this.#compute(draft, index, decoderMacs, payload.encoderMacs)
      if (keep !== undefined && index + 1 < volumes.length) this.#save(keep, index + 1)
      if (exits && this.#exits(draft, index + 1, 'wait', payload)) {
        this.#reserve(draft, index + 1)
        return payload
      }
      if (trunk !== undefined && this.#held.latestMs() + (trunk.restMs[volume.to] as number) > trunk.ms) {
        this.isGivenUp = true
        return undefined
      }
    }
    return payload
  }

  #begin({ volumes, exits, shares }: Draft): void {
    this.exitMs.length = exits.length
    for (let at = 0; at < exits.length; at++) this.exitMs[at] = Number.POSITIVE_INFINITY
    placedShares(exits, shares, this.#model, this.shares)
    this.#certainMs = Number.POSITIVE_INFINITY
    this.volumesRun = volumes.length
    this.isGivenUp = false
  }

  /** How many volumes need not be played since the anchor begins with them. */
  #sharedVolumes(draft: Draft, anchor: Anchor): number {
    const shared = draft.exits.length > 0 ? anchor.likeVolumes(draft) : anchor.sameVolumes(draft)
    const before = draft.volumes[shared - 1]
    if (before === undefined) return 0
    if (!anchor.isPlayed && anchor.draft !== undefined) this.#playAnchor(anchor, anchor.draft)
    if (anchor.draft === undefined) return 0
    // Whether a bottleneck's encoder runs depends on who takes its output.
    return this.#payloads.feature(before.to, before.wire).encoderMacs > 0 ? shared - 1 : shared
  }

  #playAnchor(anchor: Anchor, draft: Draft): void {
    anchor.isPlayed = true
    anchor.saved = 0
    this.#playVolumes(draft, undefined, undefined, anchor)
    // Why a draft cannot run is not kept: those that begin like it are to find out by themselves.
    if (anchor === this.#exitAnchor && this.transfers.isUnlinked) anchor.set(undefined)
    anchor.keepShares(draft.exits, this.shares)
  }

  #save(anchor: Anchor, volumes: number): void {
    const checkpoint = anchor.checkpoints[volumes] ?? new Checkpoint(this.#room, this.#model)
    anchor.checkpoints[volumes] = checkpoint
    anchor.saved = volumes
    this.transfers.save(checkpoint)
    checkpoint.memory.set(this.memory.all)
    checkpoint.held.copy(this.#held)
    checkpoint.noise = this.noise
    checkpoint.certainMs = this.#certainMs
    checkpoint.keepExits(anchor.draft?.exits ?? [], this.exitMs)
  }

  #goOn(from: Checkpoint, { exits }: Draft): void {
    this.transfers.goOn(from)
    this.memory.all.set(from.memory)
    this.#held.copy(from.held)
    this.noise = from.noise
    this.#certainMs = from.certainMs
    for (let at = 0; at < exits.length; at++) this.exitMs[at] = from.exitMs[(exits[at] as DraftExit).exit] as number
  }

  /** Computes a volume's shards from the inputs that `#deliver` brought; its output is then held by their devices. */
  #compute(draft: Draft, index: number, decoderMacs: number, encoderMacs: number): void {
    const volume = draft.volumes[index] as DraftVolume
    const costs = this.#costs
    const { from, to, shards } = volume
    const whole = shards.length === 1
    this.memory.enter(this.#model, volume)
    this.#next.count = 0
    for (let at = 0; at < shards.length; at++) {
      const { processor, start, end } = shards[at] as DraftVolume['shards'][number]
      const device = this.#device[processor] as number
      let ms = whole ? costs.wholeMs(processor, from, to) : costs.shardMs(processor, from, to, start, end)
      if (whole) ms -= staysMs(draft, index, processor, costs, this.#model)
      if (decoderMacs > 0 && this.#remote[at] === 1) ms += costs.extraMs(processor, decoderMacs)
      if (encoderMacs > 0 && this.#leaves(draft, index, device)) ms += costs.extraMs(processor, encoderMacs)
      this.memory.add(device, rowShare(this.#model, volume, start, end))
      const readyMs = this.transfers.compute(processor, this.#readyMs[at] as number, ms, index)
      if (whole) this.#next.add(device, 0, Math.max(1, pointAt(this.#model, to).rows), readyMs)
      else this.#next.add(device, start, end, readyMs)
    }
    const held = this.#held
    this.#held = this.#next
    this.#next = held
  }

  /** Sends each shard of `volume` the rows it needs; fills `#readyMs` and `#remote`. */
  #deliver(volume: DraftVolume, payload: Payload, index: number): void {
    const held = this.#held
    const { shards, from, to } = volume
    const whole = shards.length === 1
    const needs = whole ? undefined : this.#needs.of(from, to)
    this.#queue.count = 0
    for (let at = 0; at < shards.length; at++) {
      const shard = shards[at] as DraftVolume['shards'][number]
      const device = this.#device[shard.processor] as number
      const start = whole ? 0 : (needs?.start[shard.start] as number)
      const end = whole ? 0x7fff_ffff : (needs?.end[shard.end] as number)
      let readyMs = 0
      for (let holder = 0; holder < held.count; holder++) {
        const low = Math.max(start, held.start[holder] as number)
        const rows = Math.min(end, held.end[holder] as number) - low
        if (rows <= 0) continue
        if (held.device[holder] === device) readyMs = Math.max(readyMs, held.readyMs[holder] as number)
        else this.#queue.push(holder, at, rows)
      }
      this.#readyMs[at] = readyMs
      this.#remote[at] = 0
    }
    this.#flush(volume, payload, index)
  }

  #flush({ shards }: DraftVolume, payload: Payload, index: number): void {
    const queue = this.#queue
    const held = this.#held
    queue.sort(held.readyMs)
    for (let i = 0; i < queue.count; i++) {
      const entry = queue.order[i] as number
      const holder = queue.holder[entry] as number
      const at = queue.target[entry] as number
      const to = this.#device[(shards[at] as DraftVolume['shards'][number]).processor] as number
      const rows = queue.rows[entry] as number
      const from = held.device[holder] as number
      const arrival = this.transfers.send(from, to, rows, held.readyMs[holder] as number, payload, index)
      this.#readyMs[at] = Math.max(this.#readyMs[at] as number, arrival)
      this.#remote[at] = 1
    }
  }

  /** Whether anything of volume `index`'s output leaves `device`, so that a bottleneck's encoder runs there. */
  #leaves(draft: Draft, index: number, device: number): boolean {
    const next = draft.volumes[index + 1]
    return next?.shards.some((shard) => this.#device[shard.processor] !== device) ?? false
  }

  /** Everything at the initiator. */
  #gather(payload: Payload, index: number): void {
    const rows = this.#held.end[this.#held.count - 1] as number
    const readyMs = this.#collect(0, payload, index)
    this.#held.single(0, rows, readyMs)
  }

  /** When one device has all rows; those of others travel in the order of their readiness. */
  #collect(device: number, payload: Payload, index: number): number {
    const held = this.#held
    const queue = this.#queue
    queue.count = 0
    let readyMs = 0
    for (let holder = 0; holder < held.count; holder++) {
      if (held.device[holder] === device) readyMs = Math.max(readyMs, held.readyMs[holder] as number)
      else queue.push(holder, 0, (held.end[holder] as number) - (held.start[holder] as number))
    }
    queue.sort(held.readyMs)
    for (let i = 0; i < queue.count; i++) {
      const entry = queue.order[i] as number
      const holder = queue.holder[entry] as number
      const from = held.device[holder] as number
      const rows = queue.rows[entry] as number
      const arrival = this.transfers.send(from, device, rows, held.readyMs[holder] as number, payload, index)
      readyMs = Math.max(readyMs, arrival)
    }
    return readyMs
  }

  /**
   * The exits of one mode where volume `index` begins. Those that race get their rows behind the trunk's; one that is waited for
   * gets them alone, and the trunk goes on from its device (the runtime's rules: `plan/routes.ts`).
   * @returns whether every request has been answered before the trunk goes on
   */
  #exits(draft: Draft, index: number, mode: DraftExit['mode'], payload: Payload): boolean {
    const before = index - 1
    const point = draft.volumes[before]?.to
    let ends = false
    for (const [at, exit] of draft.exits.entries()) {
      const branch = this.#model.exits[exit.exit]
      if (branch === undefined || branch.point !== point || exit.mode !== mode) continue
      const device = this.#device[exit.processor] as number
      const shared = mode === 'race' && this.#getsWhole(draft.volumes[index], device)
      const inputMs = shared ? (this.#readyMs[0] as number) : this.#collect(device, payload, before)
      const savedMs = staysMs(draft, index, exit.processor, this.#costs, this.#model)
      const ms = this.#costs.exitMs(exit.processor, exit.exit) - savedMs
      const verdictMs = this.transfers.compute(exit.processor, inputMs, ms, before, branch.name)
      this.exitMs[at] = this.transfers.answer(device, verdictMs, branch.outputBytes, before)
      this.transfers.addVerdict(verdictMs, this.shares[at] ?? 0)
      if (mode === 'wait') this.#held.single(device, this.#held.end[this.#held.count - 1] as number, verdictMs)
      if (!answersAll(exit)) continue
      this.#certainMs = Math.min(this.#certainMs, this.exitMs[at] ?? Number.POSITIVE_INFINITY)
      ends ||= mode === 'wait'
    }
    return ends
  }

  /** Whether the trunk's own message brings the whole tensor to a device: exits there read the same one. */
  #getsWhole(next: DraftVolume | undefined, device: number): boolean {
    return next?.shards.length === 1 && this.#device[next.shards[0]?.processor ?? -1] === device
  }

  /** From here on nothing ever runs; the runtime gets it ready all the same, so that it takes memory. */
  #reserve({ volumes }: Draft, from: number): void {
    this.volumesRun = from
    for (const volume of volumes.slice(from)) this.memory.reserve(this.#model, volume, this.#device)
  }
}
