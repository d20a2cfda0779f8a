import { deviceId, type ExitPlacement, type LayerVolume, type Plan, type Random, type WireFormat } from '@roomful/core'
import {
  addFeatures,
  type ChainLayer,
  chainModel,
  emptyWork,
  lastPoint,
  type PlannableModel,
  pointAt,
  pointIndex,
} from '@roomful/planner'
import type { RoomJson } from '../scenario.ts'

const BACKENDS = ['ort-webgpu', 'ort-wasm'] as const

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

/** A net with two exits, and the shares of requests that they answer. */
export function randomExits(random: Random): PlannableModel {
  const net = randomNet(random)
  const [first, second] = [1 + random.int(2), 3 + random.int(Math.max(1, lastPoint(net) - 4))]
  const [a, b] = [0.2 + 0.3 * random.next(), 0.1 + 0.3 * random.next()]
  return {
    ...net,
    exits: [first, second].map((point, at) => {
      const macs = 1e4 * 20 ** random.next()
      const work = addFeatures(emptyWork(), 'dense', [macs])
      return { name: `exit${at + 1}`, point, work, macs, outputBytes: 40, threshold: 0.8 }
    }),
    settings: [{ thresholds: [0.8, 0.8], shares: [a, b, 1 - a - b], accuracyLoss: 0 }],
  }
}

/** As `randomRoomJson` with two processors on each device. */
export function randomProcessorsJson(random: Random, startWindowBytes?: number): RoomJson {
  const room = randomRoomJson(random, startWindowBytes)
  const devices = room.devices.map(({ id }) => {
    const speed = () => ({ gmacsPerSecond: 0.2 * 20 ** random.next(), overheadMs: random.next() })
    return {
      id,
      rowStep: 1 + random.int(3),
      backends: [
        { backend: 'ort-webgpu', ...speed() },
        { backend: 'ort-wasm', ...speed() },
      ],
    }
  })
  return { ...room, devices }
}

/**
 * A plan of one of the shapes with both exits on the cuts, each raced or waited for: on the trunk's own processor, beside it on the
 * same device, on the initiator, or on any other device. What races on the trunk's processor takes its turn (docs/simulator.md), so
 * that is waited for, as planned.
 */
export function randomExitPlan(random: Random, model: PlannableModel): Plan {
  const kind = (['local', 'cut', 'chain'] as const)[random.int(3)] ?? 'local'
  const drawn = randomPlan(random, model, kind)
  const volumes: LayerVolume[] = []
  for (const volume of drawn.volumes) {
    let rest = volume
    const shards = rest.shards.map((shard) => ({ ...shard, backend: BACKENDS[random.int(2)] ?? 'ort-wasm' }))
    for (const { point } of model.exits) {
      const { tensor } = pointAt(model, point)
      if (pointIndex(model, rest.from) >= point || pointIndex(model, rest.to) <= point) continue
      volumes.push({ ...rest, to: tensor, shards })
      rest = { ...rest, from: tensor }
    }
    volumes.push({ ...rest, shards })
  }
  const exits = model.exits.map(({ name, point, threshold }): ExitPlacement => {
    const next = volumes.find(({ from }) => from === pointAt(model, point).tensor)?.shards[0]
    const where = random.int(4)
    const device = where < 2 ? next?.device : deviceId(where === 2 ? 'd0' : `d${random.int(4)}`)
    const backend = where === 0 ? next?.backend : BACKENDS[random.int(2)]
    const place = { device: device ?? deviceId('d0'), backend: backend ?? ('ort-wasm' as const) }
    const shared = place.device === next?.device && place.backend === next.backend
    return { exit: name, ...place, threshold, mode: shared || random.next() < 0.5 ? 'wait' : 'race' }
  })
  return { ...drawn, volumes, exits }
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
