import type { Plan, Span } from '@roomful/core'
import { type PlannableModel, pointAt, segmentAt } from '../model/plannable.ts'
import { rowsMacs } from '../model/row-tables.ts'
import { emptyWork } from '../predictor/work.ts'
import { ComputeCosts } from './costs.ts'
import { type Draft, type DraftExit, type DraftVolume, PICTURE_LOSS, toPlan, wireAt } from './draft.ts'
import type { Evaluation, EvaluatorOptions, Timeline } from './evaluation.ts'
import { expectedLatency, placedShares } from './expectation.ts'
import { MemoryUse } from './memory.ts'
import type { Room } from './room.ts'
import { type Payload, Transfers } from './transfers.ts'

/** Rows `[start, end)` of the current tensor at a device, from `readyMs` on. */
interface Holder {
  readonly device: number
  readonly start: number
  readonly end: number
  readonly readyMs: number
}

/**
 * Predicts a draft's timeline: computes on each processor in turn, transfers over contended links, halos from every
 * overlapping producer, the gather of shards, the leader's detour and the exits on their processors. Deterministic.
 *
 * One request on an idle room gives the latency; the busy times of all resources give the throughput of a full
 * pipeline, weighted with the probability that a request is still alive when a stretch of work begins.
 */
export class Evaluator {
  readonly model: PlannableModel
  readonly room: Room
  readonly costs: ComputeCosts
  readonly #options: EvaluatorOptions
  readonly #transfers: Transfers
  /** Evaluations so far, for the reports of the searches. */
  count = 0

  constructor(model: PlannableModel, room: Room, options: EvaluatorOptions = {}) {
    this.model = model
    this.room = room
    this.costs = new ComputeCosts(model, room)
    this.#options = options
    this.#transfers = new Transfers(room)
  }

  evaluate(draft: Draft): Evaluation {
    return this.#run(draft)
  }

  /** The same with the spans of one request that leaves at no exit. */
  timeline(draft: Draft): Timeline {
    const spans: Span[] = []
    const evaluation = this.#run(draft, spans)
    return { ...evaluation, spans: spans.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs) }
  }

  /** The Plan of a draft with its prediction. */
  plan(draft: Draft, method: string, evaluation: Evaluation = this.evaluate(draft)): Plan {
    const { latencyMs, fullMs, throughputPerSecond, bytes } = evaluation
    return toPlan(draft, this.model, this.room, method, { latencyMs, fullMs, throughputPerSecond, bytes })
  }

  #run(draft: Draft, spans?: Span[]): Evaluation {
    this.count++
    const { model, room } = this
    const net = this.#transfers
    net.begin(spans)
    const memory = new MemoryUse(room)
    const shares = placedShares(draft, model)
    const exitMs: number[] = []
    const verdicts: { atMs: number; share: number }[] = []
    const aliveAt = (ms: number) => {
      if (verdicts.length === 0) return 1
      let share = 1
      for (const verdict of verdicts) if (verdict.atMs <= ms) share -= verdict.share
      return Math.max(0, share)
    }
    net.aliveAt = aliveAt
    let macs = 0
    let noise = 0
    let payload = pictureOf(draft, model)
    let holders: Holder[] = [{ device: 0, start: 0, end: Math.max(1, pointAt(model, 0).rows), readyMs: 0 }]
    let leader = false
    for (const [index, volume] of draft.volumes.entries()) {
      const before = net.rows
      if (leader) holders = [this.#gather(holders, payload, index - 1)]
      const inputs = this.#deliver(holders, volume, payload, index)
      const crossed = (net.rows - before) / Math.max(1, pointAt(model, volume.from).rows)
      noise += payload.accuracyLoss ** 2 * Math.min(1, crossed)
      holders = volume.shards.map((shard, at): Holder => {
        const { processor, start, end } = shard
        const whole = volume.shards.length === 1
        const device = (room.processors[processor] as { device: number }).device
        let ms = whole
          ? this.costs.wholeMs(processor, volume.from, volume.to)
          : this.costs.shardMs(processor, volume.from, volume.to, start, end)
        if (index > 0 && inputs.remote[at]) ms += this.costs.extraMs(processor, payload.decoderMacs)
        const option = wireAt(model, volume.to, volume.wire)
        if (this.#leaves(draft, index, device)) ms += this.costs.extraMs(processor, option.encoderMacs)
        macs += whole ? this.#wholeMacs(volume) : this.#shardMacs(volume, start, end)
        memory.add(model, volume, device, start, end)
        const rows = pointAt(model, volume.to).rows
        const readyMs = net.compute(processor, inputs.readyMs[at] as number, ms, index)
        return { device, start: whole ? 0 : start, end: whole ? Math.max(1, rows) : end, readyMs }
      })
      payload = this.#payloadOf(volume)
      leader = volume.route === 'leader'
      for (const [at, exit] of draft.exits.entries()) {
        if (model.exits[exit.exit]?.point !== volume.to) continue
        const verdictMs = this.#exit(exit, holders, payload, index)
        const from = (room.processors[exit.processor] as { device: number }).device
        const answerMs = net.answer(from, verdictMs, model.exits[exit.exit]?.outputBytes ?? 0, index)
        exitMs[at] = answerMs
        const share = shares[at] ?? 0
        verdicts.push({ atMs: verdictMs, share })
        if (exit.mode === 'wait') {
          holders = holders.map((holder) => {
            const hop = holder.device === from ? 0 : (room.links[from]?.[holder.device]?.rttMs ?? Infinity) / 2
            return { ...holder, readyMs: Math.max(holder.readyMs, verdictMs + hop) }
          })
        }
      }
    }
    const answer = this.#gather(holders, { ...payload, encoderMacs: 0, decoderMacs: 0 }, draft.volumes.length - 1)
    const fullMs = answer.readyMs
    const why = Number.isFinite(fullMs) ? memory.overflow() : 'two of its devices are not linked'
    if (why !== undefined) return infeasible(why, memory.bytes)
    const { busiestMs, bottleneck } = net.busiest()
    return {
      feasible: true,
      latencyMs: expectedLatency(exitMs, shares, fullMs, this.#options.cache),
      fullMs,
      throughputPerSecond: busiestMs > 0 ? 1000 / busiestMs : 0,
      bytes: Math.round(net.bytes),
      macs,
      macsRedundant: Math.max(0, macs - totalMacs(model)),
      exitMs,
      memoryBytes: memory.bytes,
      bottleneck,
      accuracyLoss: model.trunkLoss + (draft.exitLoss ?? 0) + Math.sqrt(noise),
    }
  }

  /** Whether anything of volume `index`'s output leaves `device`, so that a bottleneck's encoder runs there. */
  #leaves(draft: Draft, index: number, device: number): boolean {
    const next = draft.volumes[index + 1]
    if (next === undefined) return false
    return next.shards.some((shard) => this.room.processors[shard.processor]?.device !== device)
  }

  /** Sends each shard of `volume` the rows it needs; returns when each has all of them. */
  #deliver(holders: readonly Holder[], volume: DraftVolume, payload: Payload, index: number) {
    const { model, room } = this
    const readyMs: number[] = new Array(volume.shards.length).fill(0)
    const remote: boolean[] = new Array(volume.shards.length).fill(false)
    const queue: { holder: Holder; at: number; device: number; rows: number }[] = []
    const whole = volume.shards.length === 1
    for (const [at, shard] of volume.shards.entries()) {
      const device = (room.processors[shard.processor] as { device: number }).device
      let { start, end } = shard
      if (whole) {
        start = 0
        end = Number.POSITIVE_INFINITY
      } else {
        for (let i = volume.to - 1; i >= volume.from; i--) {
          const tables = segmentAt(model, i).tables()
          if (tables === undefined) throw new RangeError(`segment ${i} cannot be split by rows`)
          start = tables.needStart[start] as number
          end = tables.needEnd[end] as number
        }
      }
      for (const holder of holders) {
        const rows = Math.min(end, holder.end) - Math.max(start, holder.start)
        if (rows <= 0) continue
        if (holder.device === device) readyMs[at] = Math.max(readyMs[at] as number, holder.readyMs)
        else queue.push({ holder, at, device, rows })
      }
    }
    if (queue.length > 1) queue.sort((a, b) => a.holder.readyMs - b.holder.readyMs)
    for (const { holder, at, device, rows } of queue) {
      const arrival = this.#transfers.send(holder.device, device, rows, holder.readyMs, payload, index)
      readyMs[at] = Math.max(readyMs[at] as number, arrival)
      remote[at] = true
    }
    return { readyMs, remote }
  }

  /** Everything at the initiator. */
  #gather(holders: readonly Holder[], payload: Payload, index: number): Holder {
    let readyMs = 0
    let end = 0
    const sorted = holders.length > 1 ? [...holders].sort((a, b) => a.readyMs - b.readyMs) : holders
    for (const holder of sorted) {
      const rows = holder.end - holder.start
      const at =
        holder.device === 0
          ? holder.readyMs
          : this.#transfers.send(holder.device, 0, rows, holder.readyMs, payload, index)
      readyMs = Math.max(readyMs, at)
      end = Math.max(end, holder.end)
    }
    return { device: 0, start: 0, end, readyMs }
  }

  /** Runs an exit's branch; returns when its verdict is known where it runs. */
  #exit(exit: DraftExit, holders: readonly Holder[], payload: Payload, index: number): number {
    const device = (this.room.processors[exit.processor] as { device: number }).device
    const branch = this.model.exits[exit.exit]
    let readyMs = 0
    for (const holder of holders) {
      const rows = holder.end - holder.start
      const at =
        holder.device === device
          ? holder.readyMs
          : this.#transfers.send(holder.device, device, rows, holder.readyMs, payload, index)
      readyMs = Math.max(readyMs, at)
    }
    const ms = this.costs.workMs(exit.processor, branch?.work ?? emptyWork())
    return this.#transfers.compute(exit.processor, readyMs, ms, index, branch?.name)
  }

  #payloadOf(volume: DraftVolume): Payload {
    const point = pointAt(this.model, volume.to)
    const option = wireAt(this.model, volume.to, volume.wire)
    const rows = Math.max(1, point.rows)
    return {
      kind: 'feature',
      wire: option.wire,
      elementsPerRow: point.elements / rows,
      bytesPerRow: option.bytes / rows,
      pixels: 0,
      encoderMacs: option.encoderMacs,
      decoderMacs: option.decoderMacs,
      accuracyLoss: option.accuracyLoss,
    }
  }

  #wholeMacs(volume: DraftVolume): number {
    let macs = 0
    for (let i = volume.from; i < volume.to; i++) macs += segmentAt(this.model, i).macs
    return macs
  }

  #shardMacs(volume: DraftVolume, start: number, end: number): number {
    let macs = 0
    let low = start
    let high = end
    for (let i = volume.to - 1; i >= volume.from; i--) {
      const tables = segmentAt(this.model, i).tables()
      if (tables === undefined) return Number.NaN
      macs += rowsMacs(tables, low, high)
      low = tables.needStart[low] as number
      high = tables.needEnd[high] as number
    }
    return macs
  }
}

function pictureOf(draft: Draft, model: PlannableModel): Payload {
  const point = pointAt(model, 0)
  const rows = Math.max(1, point.rows)
  const { picture } = model
  const base = { elementsPerRow: point.elements / rows, encoderMacs: 0, decoderMacs: 0, pixels: picture.pixels }
  if (draft.input === 'tensor') {
    const bytesPerRow = (point.elements / rows) * (picture.tensorBits / 8)
    const wire = { bits: picture.tensorBits, entropy: 'none' as const }
    return { ...base, kind: 'feature', wire, bytesPerRow, accuracyLoss: 0 }
  }
  const bytes = draft.input === 'jpeg' ? picture.jpeg : picture.webp
  const wire = { bits: 8 as const, entropy: 'none' as const }
  return { ...base, kind: 'picture', wire, bytesPerRow: bytes, accuracyLoss: PICTURE_LOSS }
}

const totals = new WeakMap<PlannableModel, number>()

function totalMacs(model: PlannableModel): number {
  const known = totals.get(model)
  if (known !== undefined) return known
  const total = model.segments.reduce((sum, segment) => sum + segment.macs, 0)
  totals.set(model, total)
  return total
}

function infeasible(why: string, memoryBytes: readonly number[]): Evaluation {
  return {
    feasible: false,
    why,
    latencyMs: Number.POSITIVE_INFINITY,
    fullMs: Number.POSITIVE_INFINITY,
    throughputPerSecond: 0,
    bytes: 0,
    macs: 0,
    macsRedundant: 0,
    exitMs: [],
    memoryBytes,
    bottleneck: '',
    accuracyLoss: 0,
  }
}
