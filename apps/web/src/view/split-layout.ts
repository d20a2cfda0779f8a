import type { ModelView, Plan, Range, TensorName, WireFormat } from 'roomful'

/** One block of the strip: the layers of one segment. `x` and `width` as shares of the strip, `height` 0..1. */
export interface Block {
  readonly to: TensorName
  readonly x: number
  readonly width: number
  readonly height: number
  readonly macs: number
  readonly bytes: number
  /** Index of the layer volume that computes it. */
  readonly volume: number
}

/** A boundary between two volumes on different devices, at the end of block `after`. */
export interface Cut {
  readonly after: number
  readonly x: number
  readonly tensor: TensorName
  readonly bytes: number
  readonly wire: WireFormat
  readonly volume: number
}

/** An exit's tap at the end of the block where it hangs. */
export interface Tap {
  readonly name: string
  readonly x: number
  readonly after: number
}

export interface SplitLayout {
  readonly blocks: readonly Block[]
  readonly cuts: readonly Cut[]
  readonly taps: readonly Tap[]
}

const MIN_WIDTH = 0.02
const MIN_HEIGHT = 0.22

/**
 * Where everything of the strip stands. Widths follow the multiply-accumulates, with a floor so that every block can be
 * seen and touched; heights follow the logarithm of the feature map's bytes.
 */
export function splitLayout(model: ModelView, plan: Plan | undefined): SplitLayout {
  const raw = model.segments.map((segment) => Math.max(MIN_WIDTH, segment.macs / Math.max(1, model.macs)))
  const sum = raw.reduce((a, b) => a + b, 0)
  const sizes = model.segments.map((segment) => Math.log2(Math.max(2, segment.bytes)))
  const largest = Math.max(...sizes)
  const smallest = Math.min(...sizes)
  const ends = volumeEnds(model, plan)
  const blocks: Block[] = []
  let x = 0
  for (const [index, segment] of model.segments.entries()) {
    const width = (raw[index] ?? 0) / sum
    const size = sizes[index] ?? 0
    const share = largest === smallest ? 1 : (size - smallest) / (largest - smallest)
    blocks.push({
      to: segment.to,
      x,
      width,
      height: MIN_HEIGHT + (1 - MIN_HEIGHT) * share,
      macs: segment.macs,
      bytes: segment.bytes,
      volume: ends.findIndex((end) => index <= end),
    })
    x += width
  }
  return { blocks, cuts: cutsOf(blocks, ends, plan), taps: tapsOf(model, blocks) }
}

/** Index of each volume's last block; without a plan, one volume over everything. */
function volumeEnds(model: ModelView, plan: Plan | undefined): number[] {
  const last = model.segments.length - 1
  if (plan === undefined) return [last]
  return plan.volumes.map((volume) => {
    const index = model.segments.findIndex((segment) => segment.to === volume.to)
    return index < 0 ? last : index
  })
}

function cutsOf(blocks: readonly Block[], ends: readonly number[], plan: Plan | undefined): Cut[] {
  if (plan === undefined) return []
  return ends.slice(0, -1).flatMap((after, volume) => {
    const block = blocks[after]
    const wire = plan.volumes[volume]?.wire
    if (block === undefined || wire === undefined || staysOnDevice(plan, volume)) return []
    const bytes = (block.bytes / 32) * wire.bits
    return [{ after, x: block.x + block.width, tensor: block.to, bytes, wire, volume }]
  })
}

/** Whether a volume and the next one are whole and run on the same device: nothing travels between them. */
export function staysOnDevice(plan: Plan, volume: number): boolean {
  const [here, ...others] = plan.volumes[volume]?.shards ?? []
  const [next, ...nextOthers] = plan.volumes[volume + 1]?.shards ?? []
  return here !== undefined && here.device === next?.device && others.length === 0 && nextOthers.length === 0
}

function tapsOf(model: ModelView, blocks: readonly Block[]): Tap[] {
  return model.exits.flatMap((exit) => {
    const after = blocks.findIndex((block) => block.to === exit.at)
    const block = blocks[after]
    return block === undefined ? [] : [{ name: exit.name, x: block.x + block.width, after }]
  })
}

/** Shards of a volume as shares of its height, top to bottom; one entry when the volume is whole. */
export function stripes(rows: readonly (Range | undefined)[]): { start: number; end: number }[] {
  const total = rows.at(-1)?.end
  if (total === undefined || total === 0) return [{ start: 0, end: 1 }]
  return rows.map((range) => ({ start: (range?.start ?? 0) / total, end: (range?.end ?? total) / total }))
}

/** The block end nearest to a position 0..1, strictly between `min` and `max` (block indices, exclusive). */
export function nearestEnd(blocks: readonly Block[], position: number, min: number, max: number): number | undefined {
  let best: number | undefined
  let distance = Number.POSITIVE_INFINITY
  for (let index = min + 1; index < max; index++) {
    const block = blocks[index]
    if (block === undefined) continue
    const away = Math.abs(block.x + block.width - position)
    if (away < distance) {
      distance = away
      best = index
    }
  }
  return best
}
