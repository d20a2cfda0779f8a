import {
  PICTURE_QUALITY,
  type PictureFormat,
  type Plan,
  type Prediction,
  type Shard,
  type WireFormat,
} from '@roomful/core'
import { lastPoint, type PlannableModel, pointAt, pointIndex, type WireOption } from '../model/plannable.ts'
import { sameWire } from '../model/wires.ts'
import type { Room } from './room.ts'

/** A shard by indices; `end` is exclusive. A shard that is its volume's only one covers all rows. */
export interface DraftShard {
  readonly processor: number
  readonly start: number
  readonly end: number
}

export interface DraftVolume {
  /** Indices of cut points. */
  readonly from: number
  readonly to: number
  readonly shards: readonly DraftShard[]
  /** Index into the wires of point `to`. */
  readonly wire: number
  readonly route: 'peer' | 'leader'
}

export interface DraftExit {
  /** Index into the model's exits. */
  readonly exit: number
  readonly processor: number
  readonly threshold: number
  readonly mode: 'race' | 'wait'
}

/** A Plan by indices, as the searches handle it. */
export interface Draft {
  /** `pixels`: the tensor in 8 bits. */
  readonly input: 'tensor' | 'pixels' | 'jpeg' | 'webp'
  readonly volumes: readonly DraftVolume[]
  readonly exits: readonly DraftExit[]
  /**
   * Share of requests answered at each of the model's exits and the final one; shares of exits that are not placed fall
   * to the next placed one. Empty: no request leaves early.
   */
  readonly shares: readonly number[]
  /** Accuracy loss of those shares' thresholds. Default 0. */
  readonly exitLoss?: number
}

/** Assumed loss of final top-1 when the picture travels as JPEG or WebP at PICTURE_QUALITY. [ours] */
export const PICTURE_LOSS = 0.002

/** Assumed loss when the input tensor travels in 8 bits: a pixel is at most half a level off. [ours] */
export const PIXELS_LOSS = 0.0005

/** The whole of `from..to` on one processor. */
export const wholeVolume = (from: number, to: number, processor: number, wire = 0): DraftVolume => ({
  from,
  to,
  shards: [{ processor, start: 0, end: 0 }],
  wire,
  route: 'peer',
})

export function wireAt(model: PlannableModel, point: number, wire: number): WireOption {
  const option = pointAt(model, point).wires[wire]
  if (option === undefined) throw new RangeError(`no wire ${wire} at partition point ${point}`)
  return option
}

/** Index of a wire format at a point, or of the nearest one with at least as many bits. */
export function wireIndex(model: PlannableModel, point: number, wire: WireFormat): number {
  const { wires } = pointAt(model, point)
  const exact = wires.findIndex((option) => sameWire(option.wire, wire))
  if (exact >= 0) return exact
  const plain = wires.findIndex((option) => option.wire.bits === wire.bits && option.wire.bottleneck === undefined)
  return Math.max(0, plain)
}

/** The Plan that a draft stands for. */
export function toPlan(draft: Draft, model: PlannableModel, room: Room, method: string, predicted: Prediction): Plan {
  const place = (index: number) => {
    const processor = room.processors[index]
    const device = room.devices[processor?.device ?? -1]
    if (processor === undefined || device === undefined) throw new RangeError(`no processor ${index}`)
    return { device: device.id, backend: processor.backend }
  }
  return {
    model: model.digest,
    trunk: model.trunk,
    input: pictureFormat(draft.input),
    volumes: draft.volumes.map((volume) => ({
      from: pointAt(model, volume.from).tensor,
      to: pointAt(model, volume.to).tensor,
      shards: volume.shards.map(
        (shard): Shard =>
          volume.shards.length === 1
            ? place(shard.processor)
            : { ...place(shard.processor), rows: { start: shard.start, end: shard.end } },
      ),
      wire: wireAt(model, volume.to, volume.wire).wire,
      route: volume.route,
    })),
    exits: draft.exits.map((exit) => ({
      exit: model.exits[exit.exit]?.name ?? '',
      ...place(exit.processor),
      threshold: exit.threshold,
      mode: exit.mode,
    })),
    predicted,
    method,
  }
}

function pictureFormat(input: Draft['input']): PictureFormat {
  if (input === 'tensor') return { kind: 'tensor' }
  return input === 'pixels' ? { kind: 'tensor', bits: 8 } : { kind: input, quality: PICTURE_QUALITY }
}

/** The draft of a plan for this model and room, or undefined when it names a tensor, device or backend they lack. */
export function fromPlan(
  plan: Plan,
  model: PlannableModel,
  room: Room,
  shares: readonly number[] = [],
): Draft | undefined {
  const find = (shard: { device: string; backend: string }) =>
    room.processors.findIndex(
      (entry) => entry.backend === shard.backend && room.devices[entry.device]?.id === shard.device,
    )
  const volumes: DraftVolume[] = []
  for (const volume of plan.volumes) {
    const from = pointIndex(model, volume.from)
    const to = pointIndex(model, volume.to)
    const shards = volume.shards.map((shard) => ({
      processor: find(shard),
      start: shard.rows?.start ?? 0,
      end: shard.rows?.end ?? 0,
    }))
    if (from < 0 || to <= from || shards.some((shard) => shard.processor < 0)) return undefined
    if (volume.shards.length > 1 && shards.at(-1)?.end !== pointAt(model, to).rows) return undefined
    volumes.push({ from, to, shards, wire: wireIndex(model, to, volume.wire), route: volume.route })
  }
  if (volumes[0]?.from !== 0 || volumes.at(-1)?.to !== lastPoint(model)) return undefined
  const exits: DraftExit[] = []
  for (const exit of plan.exits) {
    const index = model.exits.findIndex((entry) => entry.name === exit.exit)
    const processor = find(exit)
    if (index < 0 || processor < 0) return undefined
    exits.push({ exit: index, processor, threshold: exit.threshold, mode: exit.mode })
  }
  const { kind, bits } = plan.input
  return { input: kind === 'tensor' && bits === 8 ? 'pixels' : kind, volumes, exits, shares }
}
