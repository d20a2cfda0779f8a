import { readFileSync } from 'node:fs'
import path from 'node:path'
import {
  type Backend,
  type DeviceId,
  type ExitPlacement,
  type LayerVolume,
  modelDigest,
  type PictureFormat,
  type Plan,
  type Range,
  type TensorName,
  type WireFormat,
} from '@roomful/core'

/** What a plan is drawn on: the names, heights and work of a model package's partition points. */
export interface ModelShape {
  readonly digest: string
  readonly trunk: string
  readonly input: TensorName
  readonly output: TensorName
  /** In the order of the network. `rows` is the height of an NCHW map; absent for tensors without rows. */
  readonly points: readonly { readonly tensor: TensorName; readonly macsBefore: number; readonly rows?: number }[]
  readonly macs: number
}

/** The part of model.json that plans are drawn on. */
export interface ManifestShape {
  readonly digest: string
  readonly input: { readonly tensor: string }
  readonly final: { readonly output: string }
  readonly trunks: readonly { readonly name: string; readonly macs: number }[]
  readonly partitionPoints: readonly {
    readonly tensor: string
    readonly shape: readonly number[]
    readonly macsBefore: number
  }[]
}

/** A place in the room where layers run. */
export interface Seat {
  readonly device: DeviceId
  readonly backend: Backend
}

/** Layers up to `to`: whole on one seat, or its rows divided between several in proportion to `weights` (default equal). */
export interface StageShape {
  readonly to: TensorName
  readonly seats: readonly Seat[]
  readonly weights?: readonly number[]
}

export interface PlanOptions {
  readonly wire?: WireFormat
  readonly input?: PictureFormat
  readonly exits?: readonly ExitPlacement[]
  readonly route?: LayerVolume['route']
  /** A second completion starts when an answer takes several times this; generous, so that a busy machine starts none. */
  readonly predictedMs?: number
}

export const FP32: WireFormat = { bits: 32, entropy: 'none' }
export const INT8: WireFormat = { bits: 8, entropy: 'none' }

export function modelShape(manifest: ManifestShape): ModelShape {
  const [trunk] = manifest.trunks
  return {
    digest: manifest.digest,
    trunk: trunk?.name ?? '',
    input: manifest.input.tensor,
    output: manifest.final.output,
    macs: trunk?.macs ?? 0,
    points: manifest.partitionPoints.map(({ tensor, shape, macsBefore }) => {
      const rows = shape.length === 4 ? shape[2] : undefined
      return { tensor, macsBefore, ...(rows === undefined ? {} : { rows }) }
    }),
  }
}

/** Of a package folder. */
export function readModelShape(folder: string): ModelShape {
  return modelShape(JSON.parse(readFileSync(path.join(folder, 'model.json'), 'utf8')) as ManifestShape)
}

/** Rows `[0, height)` in consecutive ranges in proportion to the weights, each at least one row. */
export function splitRows(height: number, weights: readonly number[]): Range[] {
  if (weights.length > height) throw new RangeError(`${height} rows cannot be divided between ${weights.length}`)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const ranges: Range[] = []
  let before = 0
  let start = 0
  for (const [index, weight] of weights.entries()) {
    before += weight
    const others = weights.length - index - 1
    const wanted = index === weights.length - 1 ? height : Math.round((height * before) / total)
    const end = Math.min(height - others, Math.max(start + 1, wanted))
    ranges.push({ start, end })
    start = end
  }
  return ranges
}

/** `count - 1` partition points that divide the work into parts as equal as they allow, each after the last. */
export function evenCuts(model: ModelShape, count: number, among = model.points): TensorName[] {
  const cuts: TensorName[] = []
  let from = 0
  for (let part = 1; part < count; part++) {
    // Enough points have to be left for the cuts that follow.
    const open = among.slice(from, among.length - (count - 1 - part))
    const wanted = (model.macs * part) / count
    const best = open.toSorted((a, b) => Math.abs(a.macsBefore - wanted) - Math.abs(b.macsBefore - wanted))[0]
    if (best === undefined) throw new RangeError(`${among.length} points are too few for ${count} parts`)
    cuts.push(best.tensor)
    from = among.indexOf(best) + 1
  }
  return cuts
}

/** A plan of these stages, the last of which ends at the model's output. @throws RangeError */
export function planOf(model: ModelShape, stages: readonly StageShape[], options: PlanOptions = {}): Plan {
  const { wire = FP32, input = { kind: 'tensor' }, exits = [], route = 'peer', predictedMs = 8_000 } = options
  const volumes = stages.map(({ to, seats, weights }, index): LayerVolume => {
    const from = stages[index - 1]?.to ?? model.input
    return { from, to, shards: shardsOf(model, to, seats, weights), wire, route }
  })
  return {
    model: modelDigest(model.digest),
    trunk: model.trunk,
    input,
    volumes,
    exits,
    predicted: { latencyMs: predictedMs, fullMs: predictedMs, throughputPerSecond: 1, bytes: 0 },
    method: 'drawn',
  }
}

/** One volume on each seat, cut into parts of equal work. */
export function chainOf(model: ModelShape, seats: readonly Seat[], options: PlanOptions = {}): Plan {
  const ends = [...evenCuts(model, seats.length), model.output]
  return planOf(
    model,
    seats.map((seat, index) => ({ to: ends[index] ?? model.output, seats: [seat] })),
    options,
  )
}

function shardsOf(model: ModelShape, to: TensorName, seats: readonly Seat[], weights: readonly number[] | undefined) {
  const [only] = seats
  if (only === undefined) throw new RangeError(`nobody computes ${to}`)
  if (seats.length === 1) return [{ ...only }]
  const rows = model.points.find(({ tensor }) => tensor === to)?.rows
  if (rows === undefined) throw new RangeError(`${to} has no rows`)
  const ranges = splitRows(rows, weights ?? seats.map(() => 1))
  return seats.map((seat, index) => {
    const range = ranges[index]
    if (range === undefined) throw new RangeError(`${seats.length} seats need as many weights`)
    return { ...seat, rows: range }
  })
}
