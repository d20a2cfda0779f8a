import type { ExitName, ModelDigest, Range, TensorName, TrunkName, WireFormat } from '@roomful/core'
import type { Work } from '../predictor/work.ts'

/** One way in which a feature map may travel. */
export interface WireOption {
  readonly wire: WireFormat
  /** Bytes of the whole tensor in this format. */
  readonly bytes: number
  /** Loss of final top-1, as a share (0.01 = one point). */
  readonly accuracyLoss: number
  /** Whether the loss was measured on this model or is a general assumption. */
  readonly measured: boolean
  /** Extra multiply-accumulates of a learned bottleneck; 0 without. */
  readonly encoderMacs: number
  readonly decoderMacs: number
}

/** A tensor at which the network may be cut; the first is the input, the last the trunk's output. */
export interface CutPoint {
  readonly index: number
  readonly tensor: TensorName
  readonly shape: readonly number[]
  readonly elements: number
  /** Size of the row axis (the third of four); 0 where the tensor has none. */
  readonly rows: number
  readonly elementsPerRow: number
  /** At least fp32; the one with the fewest bytes last. */
  readonly wires: readonly WireOption[]
}

/**
 * Row geometry of one segment by prefix tables, so that the work of any rows `[a, b)` is two look-ups. It is exact where
 * each node's first row depends on `a` alone and its last on `b` alone, which holds for windows, strides and resizes.
 */
export interface RowTables {
  readonly outputRows: number
  /** For output rows `[a, b)` the segment reads input rows `[needStart[a], needEnd[b])`. */
  readonly needStart: Int32Array
  readonly needEnd: Int32Array
  /** Work of rows `[a, b)` is `end[b] - start[a]`, each WORK_LENGTH numbers per entry. */
  readonly start: Float64Array
  readonly end: Float64Array
  readonly macsStart: Float64Array
  readonly macsEnd: Float64Array
}

/** What lies between two consecutive cut points. */
export interface Segment {
  readonly work: Work
  readonly macs: number
  readonly parameters: number
  /** Largest sum of a node's input and output, bytes of fp32: what must be in memory at once. */
  readonly activationBytes: number
  /** undefined: cannot be split by rows; see `untileable`. Built on first use. */
  tables(): RowTables | undefined
  readonly untileable?: { readonly node: string; readonly why: string }
}

export interface PlannableExit {
  readonly name: ExitName
  /** Index of the cut point at which it hangs. */
  readonly point: number
  /** The branch alone. */
  readonly work: Work
  readonly macs: number
  readonly outputBytes: number
  readonly threshold: number
  /** Loss of final top-1, as a share, if this exit answers every request; absent where the package has not measured it. */
  readonly aloneLoss?: number
}

/** One calibrated setting of all exits. */
export interface ExitSetting {
  readonly thresholds: readonly number[]
  /** Share of requests answered at each exit, the final one last; sums to 1. */
  readonly shares: readonly number[]
  readonly accuracyLoss: number
}

/** The planner's narrow view of one trunk of a model. */
export interface PlannableModel {
  readonly digest: ModelDigest
  readonly trunk: TrunkName
  /** The main trunk's top-1 minus this one's, as a loss; 0 for `main`. */
  readonly trunkLoss: number
  /** Top-1 of the main trunk, 0..1, where the package has measured it. */
  readonly top1?: number
  readonly points: readonly CutPoint[]
  /** `segments[i]` leads from `points[i]` to `points[i + 1]`. */
  readonly segments: readonly Segment[]
  readonly exits: readonly PlannableExit[]
  /** Allowed settings of the exits; empty where there are none. */
  readonly settings: readonly ExitSetting[]
  readonly picture: PictureBytes
  /** Pruned or quantised trunks of the same model. */
  readonly trunks: readonly PlannableModel[]
}

/** What the picture itself weighs on the wire. */
export interface PictureBytes {
  readonly pixels: number
  readonly jpeg: number
  readonly webp: number
  /** The input tensor as it travels, per value: bits of the `tensor` format. */
  readonly tensorBits: 32 | 16 | 8
}

export const lastPoint = (model: PlannableModel): number => model.points.length - 1

export function pointAt(model: PlannableModel, index: number): CutPoint {
  const point = model.points[index]
  if (point === undefined) throw new RangeError(`no partition point ${index}`)
  return point
}

export function segmentAt(model: PlannableModel, index: number): Segment {
  const segment = model.segments[index]
  if (segment === undefined) throw new RangeError(`no segment ${index}`)
  return segment
}

/** Index of a tensor among the cut points, or -1. */
export function pointIndex(model: PlannableModel, tensor: TensorName): number {
  return model.points.findIndex((point) => point.tensor === tensor)
}

export function modelMacs(model: PlannableModel): number {
  return model.segments.reduce((sum, segment) => sum + segment.macs, 0)
}

/** Whether every segment between the two points can be computed row by row. */
export function isTileable(model: PlannableModel, from: number, to: number): boolean {
  if (pointAt(model, to).rows < 2 || pointAt(model, from).rows < 1) return false
  for (let i = from; i < to; i++) if (segmentAt(model, i).tables() === undefined) return false
  return true
}

/** Rows of `from` that rows `rows` of `to` need. */
export function neededRows(model: PlannableModel, from: number, to: number, rows: Range): Range {
  let { start, end } = rows
  for (let i = to - 1; i >= from; i--) {
    const tables = segmentAt(model, i).tables()
    if (tables === undefined) throw new RangeError(`segment ${i} has no rows`)
    start = tables.needStart[start] as number
    end = tables.needEnd[end] as number
  }
  return { start, end }
}
