import { type Draft, type DraftVolume, PICTURE_LOSS, PIXELS_LOSS, wholeVolume, wireAt } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { pipelineDrafts } from './pipeline.ts'
import type { Search } from './search.ts'

/** The optimal chain of devices by dynamic programming: for latency exactly, for throughput over sets of devices. */
export const chain: Method = {
  name: 'chain',
  about: 'optimal N-device pipeline by dynamic programming',
  propose(search) {
    const latency = latencyChain(search)
    const drafts = search.limits.objective === 'latency' ? latency : [...latency, ...pipelineDrafts(search)]
    const best = search.best(drafts)
    return best === undefined ? search.whyNot() : propose(best)
  },
}

/** Levels into which the square of the accuracy budget is divided; losses of cuts add in quadrature. */
const LOSS_LEVELS = 6

interface Step {
  readonly from: number
  readonly processor: number
  readonly level: number
  /** How the volume's input came: the previous volume's processor and wire, or the picture's format. */
  readonly previous?: { readonly processor: number; readonly wire: number }
  readonly input?: Draft['input']
}

/**
 * Latency is additive along a chain, so that `cost[point][processor]` with the accuracy spent so far is optimal. Wire
 * formats are chosen per cut. Returns one draft per picture format and loss level that ends best.
 */
export function latencyChain(search: Search): Draft[] {
  const { model, last, room, limits } = search
  const processors = search.main.filter((processor) => processor >= 0)
  const levels = limits.maxAccuracyLoss > 0 ? LOSS_LEVELS : 1
  const spend = (loss: number) =>
    loss <= 0 ? 0 : levels === 1 ? levels : Math.ceil((loss / limits.maxAccuracyLoss) ** 2 * (levels - 1) - 1e-9)
  const at = (point: number, processor: number, level: number) =>
    (point * room.processors.length + processor) * levels + level
  const size = (last + 1) * room.processors.length * levels
  /** Time at which a volume may start at `point` on a processor, and at which one has ended there. */
  const arrive = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
  const done = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
  const arrived: (Omit<Step, 'from'> | undefined)[] = new Array(size)
  const ended: (Step | undefined)[] = new Array(size)
  /** Whether anything arrives at a point on a processor. */
  const reached = new Uint8Array((last + 1) * room.processors.length)

  for (const processor of processors) {
    const device = deviceOf(search, processor)
    for (const input of device === 0 ? (['tensor'] as const) : search.firstCut > 0 ? [] : search.inputs) {
      const { ms, loss } = pictureMs(search, device, input)
      const level = spend(loss)
      if (level >= levels || ms >= (arrive[at(0, processor, level)] as number)) continue
      reached[processor] = 1
      arrive[at(0, processor, level)] = ms
      arrived[at(0, processor, level)] = { processor, level, input }
    }
  }
  // What cannot be done before the soonest device alone is no part of a soonest chain; pipelines want the others too.
  const mostMs = limits.objective === 'latency' ? aloneMs(search, processors, arrive, at, levels) : Infinity
  const { costs } = search.evaluator
  for (let point = 1; point <= last; point++) {
    const restMs = Math.min(...processors.map((processor) => costs.spanMs(processor, point, last)))
    for (const processor of processors) {
      for (let from = 0; from < point; from++) {
        if (!reached[from * room.processors.length + processor]) continue
        const wholeMs = costs.wholeMs(processor, from, point)
        for (let level = 0; level < levels; level++) {
          const ms = (arrive[at(from, processor, level)] as number) + wholeMs
          if (ms >= (done[at(point, processor, level)] as number) || ms + restMs > mostMs) continue
          done[at(point, processor, level)] = ms
          ended[at(point, processor, level)] = { ...(arrived[at(from, processor, level)] as Omit<Step, 'from'>), from }
        }
      }
    }
    if (point === last || point < search.firstCut) continue
    for (const sender of processors) {
      const first = at(point, sender, 0)
      if (done.subarray(first, first + levels).every((ms) => ms === Infinity)) continue
      for (const receiver of processors) {
        const from = deviceOf(search, sender)
        const to = deviceOf(search, receiver)
        if (from === to) continue
        for (const wire of pointAt(model, point).wires.keys()) {
          const { ms, loss } = hopMs(search, point, sender, receiver, wire)
          const cost = spend(loss)
          for (let level = 0; level + cost < levels; level++) {
            const total = (done[at(point, sender, level)] as number) + ms
            if (total >= (arrive[at(point, receiver, level + cost)] as number) || total + restMs > mostMs) continue
            reached[point * room.processors.length + receiver] = 1
            arrive[at(point, receiver, level + cost)] = total
            arrived[at(point, receiver, level + cost)] = {
              processor: receiver,
              level,
              previous: { processor: sender, wire },
            }
          }
        }
      }
    }
  }

  const drafts: { ms: number; draft: Draft }[] = []
  for (const processor of processors) {
    for (let level = 0; level < levels; level++) {
      const ms = (done[at(last, processor, level)] as number) + answerMs(search, deviceOf(search, processor))
      if (!Number.isFinite(ms)) continue
      const volumes: DraftVolume[] = []
      let input: Draft['input'] = 'tensor'
      let point = last
      let wire = 0
      let here = processor
      let spent = level
      for (;;) {
        const step = ended[at(point, here, spent)] as Step
        volumes.unshift(wholeVolume(step.from, point, here, wire))
        point = step.from
        if (step.previous === undefined) {
          input = step.input ?? 'tensor'
          break
        }
        spent = step.level
        wire = step.previous.wire
        here = step.previous.processor
      }
      drafts.push({ ms, draft: { input, volumes, exits: [], shares: [] } })
    }
  }
  return drafts.sort((a, b) => a.ms - b.ms).map(({ draft }) => draft)
}

/** The soonest answer of one device alone, rounding allowed for. */
function aloneMs(
  search: Search,
  processors: readonly number[],
  arrive: Float64Array,
  at: (point: number, processor: number, level: number) => number,
  levels: number,
): number {
  let soonest = Number.POSITIVE_INFINITY
  for (const processor of processors) {
    const workMs =
      search.evaluator.costs.wholeMs(processor, 0, search.last) + answerMs(search, deviceOf(search, processor))
    for (let level = 0; level < levels; level++) {
      soonest = Math.min(soonest, (arrive[at(0, processor, level)] as number) + workMs)
    }
  }
  return soonest * (1 + 1e-9)
}

const deviceOf = (search: Search, processor: number): number => search.room.processors[processor]?.device ?? -1

/** Encode, way and decode of a whole tensor between two processors, bottleneck networks included. */
export function hopMs(search: Search, point: number, sender: number, receiver: number, wire: number) {
  const { room, model, evaluator } = search
  const from = deviceOf(search, sender)
  const to = deviceOf(search, receiver)
  const option = wireAt(model, point, wire)
  const link = room.links[from]?.[to]
  if (link === undefined) return { ms: Number.POSITIVE_INFINITY, loss: 0 }
  const { elements } = pointAt(model, point)
  const ms =
    evaluator.costs.extraMs(sender, option.encoderMacs) +
    (room.devices[from]?.codec.encodeMs(elements, option.wire) ?? 0) +
    link.messageMs(option.bytes) +
    (room.devices[to]?.codec.decodeMs(elements, option.wire) ?? 0) +
    evaluator.costs.extraMs(receiver, option.decoderMacs)
  return { ms, loss: option.accuracyLoss }
}

function pictureMs(search: Search, device: number, input: Draft['input']): { ms: number; loss: number } {
  if (device === 0) return { ms: 0, loss: 0 }
  const { room, model } = search
  const { picture } = model
  const link = room.links[0]?.[device]
  if (link === undefined) return { ms: Number.POSITIVE_INFINITY, loss: 0 }
  const own = room.devices[0]?.codec
  const other = room.devices[device]?.codec
  if (own === undefined || other === undefined) return { ms: Number.POSITIVE_INFINITY, loss: 0 }
  const { elements } = pointAt(model, 0)
  if (input === 'tensor' || input === 'pixels') {
    const wire = { bits: input === 'pixels' ? 8 : picture.tensorBits, entropy: 'none' as const }
    const bytes = (elements * wire.bits) / 8
    const ms = own.encodeMs(elements, wire) + link.messageMs(bytes) + other.decodeMs(elements, wire)
    return { ms, loss: input === 'pixels' ? PIXELS_LOSS : 0 }
  }
  const bytes = input === 'jpeg' ? picture.jpeg : picture.webp
  return {
    ms: own.pictureMs(picture.pixels) + link.messageMs(bytes) + other.pictureMs(picture.pixels),
    loss: PICTURE_LOSS,
  }
}

/** The logits' way back to the initiator. */
function answerMs(search: Search, device: number): number {
  if (device === 0) return 0
  const link = search.room.links[device]?.[0]
  return link === undefined ? Number.POSITIVE_INFINITY : link.messageMs(wireAt(search.model, search.last, 0).bytes)
}
