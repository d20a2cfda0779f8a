import { deviceId, type LayerVolume, type Plan, type Random, type WireFormat } from '@roomful/core'
import { type ChainLayer, chainModel, lastPoint, type PlannableModel, pointAt } from '@roomful/planner'
import type { RoomJson } from '../scenario.ts'

/** The four shapes of plan that the evaluator is checked on. */
export const PLAN_KINDS = ['local', 'cut', 'chain', 'rows'] as const
export type PlanKind = (typeof PLAN_KINDS)[number]

/** Convolutions and poolings, then a dense layer. */
export function randomNet(random: Random): PlannableModel {
  const layers: ChainLayer[] = []
  const size = 24 + 8 * random.int(4)
  let side = size
  const count = 4 + random.int(4)
  for (let i = 0; i < count; i++) {
    if (side >= 16 && random.next() < 0.3) {
      layers.push({ kind: 'pool', kernel: 2 })
      side >>= 1
    } else layers.push({ kind: 'conv', channels: 8 + random.int(56), kernel: random.next() < 0.3 ? 1 : 3 })
  }
  layers.push({ kind: 'dense', units: 10 })
  return chainModel({ name: 'net', input: [3, size, size], layers, jpegBytes: 800 + random.int(3000) })
}

/** Four linked devices; the first initiates. `startWindowBytes`: of every link, the planner's default when absent. */
export function randomRoomJson(random: Random, startWindowBytes?: number): RoomJson {
  const window = startWindowBytes === undefined ? {} : { startWindowBytes }
  const devices = Array.from({ length: 4 }, (_, i) => ({
    id: `d${i}`,
    gmacsPerSecond: 0.2 * 20 ** random.next(),
    overheadMs: random.next(),
    rowStep: 1 + random.int(3),
  }))
  const links = devices.flatMap((a, i) =>
    devices.slice(i + 1).map((b) => {
      return { a: a.id, b: b.id, mbitPerSecond: 10 * 30 ** random.next(), rttMs: 1 + random.next() * 10, ...window }
    }),
  )
  return { initiator: 'd0', devices, links }
}

export function randomPlan(random: Random, model: PlannableModel, kind: PlanKind): Plan {
  const end = lastPoint(model)
  const bits = ([32, 16, 8] as const)[random.int(3)] ?? 32
  const wire: WireFormat = { bits, entropy: 'none' }
  const on = (...devices: number[]) =>
    devices.map((device) => ({ device: deviceId(`d${device}`), backend: 'ort-wasm' as const }))
  const volume = (from: number, to: number, shards: LayerVolume['shards']): LayerVolume => {
    return { from: pointAt(model, from).tensor, to: pointAt(model, to).tensor, shards, wire, route: 'peer' }
  }
  const middle = 1 + random.int(end - 1)
  let volumes: LayerVolume[]
  if (kind === 'local') volumes = [volume(0, end, on(0))]
  else if (kind === 'cut') volumes = [volume(0, middle, on(0)), volume(middle, end, on(1 + random.int(3)))]
  else if (kind === 'chain') {
    const first = 1 + random.int(end - 2)
    const second = first + 1 + random.int(end - 1 - first)
    volumes = [volume(0, first, on(0)), volume(first, second, on(1)), volume(second, end, on(2))]
  } else {
    const to = end - 1
    const split = Math.max(1, Math.min(to - 1, middle))
    const sharded = (at: number, count: number) => {
      const { rows } = pointAt(model, at)
      const parts = on(...Array.from({ length: count }, (_, i) => i))
      return parts.map((part, i) => {
        return { ...part, rows: { start: Math.floor((rows * i) / count), end: Math.floor((rows * (i + 1)) / count) } }
      })
    }
    const count = 2 + random.int(3)
    volumes =
      to > 1
        ? [volume(0, split, sharded(split, count)), volume(split, to, sharded(to, count)), volume(to, end, on(0))]
        : [volume(0, to, sharded(to, count)), volume(to, end, on(0))]
  }
  const predicted = { latencyMs: 100, fullMs: 100, throughputPerSecond: 10, bytes: 0 }
  return { model: model.digest, trunk: 'main', input: { kind: 'tensor' }, volumes, exits: [], predicted, method: kind }
}
