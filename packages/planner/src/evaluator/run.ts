import type { Span } from '@roomful/core'
import { type PlannableModel, pointAt } from '../model/plannable.ts'
import { Checkpoint } from './checkpoint.ts'
import type { ComputeCosts } from './costs.ts'
import type { Draft, DraftExit, DraftVolume } from './draft.ts'
import { answersAll, placedShares } from './expectation.ts'
import { Holders, MAX_SHARDS, SendQueue } from './holders.ts'
import { MemoryUse, rowShare } from './memory.ts'
import { Needs } from './needs.ts'
import { type Payload, Payloads } from './payload.ts'
import type { Room } from './room.ts'
import { Transfers } from './transfers.ts'

/** What a search looks for: answers before `ms`, when the work behind each point takes at least `restMs`. */
export interface Bound {
  readonly ms: number
  readonly restMs: readonly number[]
}

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
  fullMs = 0
  /** How many volumes run: those behind an exit that answers everything and is waited for never do. */
  volumesRun = 0
  /** Per placed exit, in the order of the draft, when its answer is at the initiator. */
  exitMs: number[] = []
  /** Per placed exit the share of requests it answers. */
  shares: readonly number[] = []
  /** Squared losses of the wires. */
  noise = 0
  readonly #model: PlannableModel
  readonly #room: Room
  readonly #costs: ComputeCosts
  readonly #payloads: Payloads
  readonly #needs: Needs
  readonly #device: Int32Array
  readonly #queue = new SendQueue()
  readonly #readyMs = new Float64Array(MAX_SHARDS)
  readonly #remote = new Uint8Array(MAX_SHARDS)
  /** The plan of which `#checkpoints[i]` tells how its first `i` volumes end; what begins like it starts there. */
  #anchor: Draft | undefined
  readonly #checkpoints: Checkpoint[] = []
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
    this.transfers = new Transfers(room)
    this.memory = new MemoryUse(room)
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

  /** Keeps how the volumes of a draft end, so that drafts that share its first ones are played from there on. */
  anchor(draft: Draft): void {
    this.#anchor = undefined
    if (draft.exits.length > 0) return
    this.#playVolumes(draft, undefined, undefined, true)
    this.#anchor = draft
  }

  /** Without bringing the output to the initiator; returns when all of it is computed. */
  playPrefix(draft: Draft): number {
    this.#playVolumes(draft)
    return this.#heldMs()
  }

  /** When all of what is held is computed. */
  #heldMs(): number {
    let readyMs = 0
    for (let i = 0; i < this.#held.count; i++) readyMs = Math.max(readyMs, this.#held.readyMs[i] as number)
    return readyMs
  }

  #playVolumes(draft: Draft, spans?: Span[], bound?: Bound, keep = false): Payload | undefined {
    const net = this.transfers
    const exits = draft.exits.length > 0
    this.exitMs = exits ? draft.exits.map(() => Number.POSITIVE_INFINITY) : []
    this.shares = exits ? placedShares(draft, this.#model) : []
    this.#certainMs = Number.POSITIVE_INFINITY
    this.volumesRun = draft.volumes.length
    const first = exits || spans !== undefined ? 0 : this.#sharedVolumes(draft)
    let payload = this.#payloads.input(draft.input)
    if (first > 0) {
      const { to, wire } = draft.volumes[first - 1] as DraftVolume
      payload = this.#payloads.feature(to, wire)
      this.#goOn(this.#checkpoints[first] as Checkpoint)
    } else {
      net.begin(spans)
      this.memory.reset()
      this.noise = 0
      this.#held.single(0, Math.max(1, pointAt(this.#model, 0).rows), 0)
    }
    for (let index = first; index < draft.volumes.length; index++) {
      if (keep && index > 0) this.#save(index)
      const volume = draft.volumes[index] as DraftVolume
      const before = net.rows
      if (index > 0 && draft.volumes[index - 1]?.route === 'leader') this.#gather(payload, index - 1)
      this.#deliver(volume, payload, index)
      const crossed = (net.rows - before) / Math.max(1, pointAt(this.#model, volume.from).rows)
      this.noise += payload.accuracyLoss ** 2 * Math.min(1, crossed)
      if (exits) this.#exits(draft, index, 'race', payload)
      const decoderMacs = index > 0 ? payload.decoderMacs : 0
      payload = this.#payloads.feature(volume.to, volume.wire)
      this.#compute(draft, index, decoderMacs, payload.encoderMacs)
      if (exits && this.#exits(draft, index + 1, 'wait', payload)) {
        this.#reserve(draft, index + 1)
        return payload
      }
      if (bound !== undefined && this.#heldMs() + (bound.restMs[volume.to] as number) > bound.ms) return undefined
    }
    return payload
  }

  /** How many volumes a draft has in common with the anchor. */
  #sharedVolumes({ input, volumes }: Draft): number {
    const anchor = this.#anchor
    if (anchor === undefined || anchor.input !== input) return 0
    const most = Math.min(volumes.length, anchor.volumes.length) - 1
    let shared = 0
    while (shared < most && volumes[shared] === anchor.volumes[shared]) shared++
    const before = volumes[shared - 1]
    if (before === undefined) return 0
    // Whether a bottleneck's encoder runs depends on who takes its output.
    return this.#payloads.feature(before.to, before.wire).encoderMacs > 0 ? shared - 1 : shared
  }

  #save(volumes: number): void {
    const checkpoint = this.#checkpoints[volumes] ?? new Checkpoint(this.#room)
    this.#checkpoints[volumes] = checkpoint
    this.transfers.save(checkpoint)
    checkpoint.memory.set(this.memory.all)
    checkpoint.held.copy(this.#held)
    checkpoint.noise = this.noise
  }

  #goOn(from: Checkpoint): void {
    this.transfers.goOn(from)
    this.memory.all.set(from.memory)
    this.#held.copy(from.held)
    this.noise = from.noise
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
      if (whole) ms -= this.#staysMs(draft, index, processor)
      if (decoderMacs > 0 && this.#remote[at] === 1) ms += costs.extraMs(processor, decoderMacs)
      if (encoderMacs > 0 && this.#leaves(draft, index, device)) ms += costs.extraMs(processor, encoderMacs)
      this.memory.add(device, rowShare(this.#model, volume, start, end))
      const readyMs = this.transfers.compute(processor, this.#readyMs[at] as number, ms, index)
      if (whole) this.#next.add(device, 0, Math.max(1, pointAt(this.#model, to).rows), readyMs)
      else this.#next.add(device, start, end, readyMs)
    }
    this.#swap()
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
      let ms = this.#costs.workMs(exit.processor, branch.work)
      ms -= this.#staysMs(draft, index, exit.processor)
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
    for (const volume of volumes.slice(from)) {
      this.memory.enter(this.#model, volume)
      for (const { processor, start, end } of volume.shards) {
        this.memory.add(this.#device[processor] as number, rowShare(this.#model, volume, start, end))
      }
    }
  }

  #swap(): void {
    const held = this.#held
    this.#held = this.#next
    this.#next = held
  }

  /**
   * What a whole volume saves that begins in the Worker where the one before it has ended, or an exit between the two: the runtime's
   * rule (`plan/routes.ts`, `follows`).
   */
  #staysMs({ volumes, exits }: Draft, index: number, processor: number): number {
    const hopMs = this.#costs.hopMs(processor)
    if (hopMs === 0) return 0
    const [before, here] = [volumes[index - 1], volumes[index]]
    if (before?.shards.length !== 1 || here?.shards.length !== 1 || before.route === 'leader') return 0
    if (before.shards[0]?.processor !== processor || here.shards[0]?.processor !== processor) return 0
    const between = exits.filter(({ exit }) => this.#model.exits[exit]?.point === before.to)
    return between.every((exit) => exit.mode === 'race' || exit.processor === processor) ? hopMs : 0
  }
}
