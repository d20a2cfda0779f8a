import type { Range, TensorName } from '@roomful/core'
import type { StagedModel, StagePart } from '../model/staged-model.ts'

/** No segment is made longer than this for the sake of its overhead, except by LEAST_RUNS_OF_OVERHEAD. */
const MOST_MS = 100
/** At most half of a segment is overhead, whatever that makes of its length. */
const LEAST_RUNS_OF_OVERHEAD = 2
/** Overhead of a run is at most a twentieth of its segment where that is possible. */
const RUNS_OF_OVERHEAD = 20
/**
 * A device of fewer 10^9 multiply-accumulates per second than this has longer segments, by the square of the ratio: on one of 1 GMAC/s
 * imagenette took 560 ms in twenty sessions and 180 in four, because what crosses between them is copied, and nothing is fused
 * across. On a whole core ResNet-50 takes 315 ms in one session, as long as ONNX Runtime alone, 347 in 28 and 360 in 38.
 */
const WEAK_GMACS = 8

/**
 * How long a segment may be predicted to take: `wantedMs`, or longer on a device where starting a run takes long or little is
 * computed in that time, so that a weak one does not spend its time between segments.
 */
export function segmentLimitMs(wantedMs: number, overheadMs: number, msPerMac: number): number {
  const weakMs = wantedMs * (WEAK_GMACS * 1e6 * msPerMac) ** 2
  const usefulMs = Math.min(MOST_MS, Math.max(RUNS_OF_OVERHEAD * overheadMs, weakMs))
  return Math.max(wantedMs, usefulMs, LEAST_RUNS_OF_OVERHEAD * overheadMs)
}

/** What is known of the backend's speed. */
export interface StageSpeed {
  /** Of the whole stage, by its MACs. */
  readonly predictedMs: number
  readonly overheadMs: number
  /** Of a plain convolution; 0 where no speed is known, and then nothing is cut. */
  readonly msPerMac: number
}

/**
 * Cuts a stage into shorter sessions, because a run cannot be stopped inside and cancel acts only between sessions. Where the
 * model knows its inside, they end anywhere (`StagedModel.split`).
 */
export function sessionsOf(
  model: StagedModel,
  part: StagePart,
  speed: StageSpeed,
  maxMs: number,
): readonly StagePart[] {
  const maxMacs = (maxMs - speed.overheadMs) / speed.msPerMac
  const inside = maxMacs > 0 && Number.isFinite(maxMacs) ? model.split?.(part, maxMacs) : undefined
  return inside ?? segmentsOf(model, part, speed.predictedMs, maxMs)
}

/**
 * Cuts a stage at partition points. Each segment is predicted to take at most `maxMs` where the points allow it, and no
 * segment is cut when the whole is short. Rows are walked back from the stage's own, so every segment computes exactly what
 * the next one needs.
 * @param predictedMs predicted time of the whole stage on its backend; work is taken to be spread as its MACs are
 */
export function segmentsOf(model: StagedModel, part: StagePart, predictedMs: number, maxMs: number): StagePart[] {
  // Which of the main trunk's points another one has inside is not known here, and exits have none: one session each.
  const isKnown = part.trunk === model.trunks[0] && isOnTrunk(model, part.to)
  const boundaries = isKnown && predictedMs > maxMs ? cutTensors(model, part, predictedMs, maxMs) : []
  const tensors = [part.from, ...boundaries, part.to]
  const segments: StagePart[] = []
  let rows = part.rows
  for (let i = tensors.length - 2; i >= 0; i--) {
    const from = tensors[i] as TensorName
    const to = tensors[i + 1] as TensorName
    const first = i === 0
    const last = i === tensors.length - 2
    segments.unshift({
      trunk: part.trunk,
      from,
      to,
      ...(rows === undefined ? {} : { rows }),
      ...(first && part.decoder !== undefined ? { decoder: part.decoder } : {}),
      ...(last && part.encoder !== undefined ? { encoder: part.encoder } : {}),
    })
    if (rows !== undefined) rows = partial(model, from, model.inputRows(from, to, rows))
  }
  return segments
}

function cutTensors(model: StagedModel, part: StagePart, predictedMs: number, maxMs: number): TensorName[] {
  const start = macsAt(model, part.from)
  const total = macsAt(model, part.to) - start
  if (!(total > 0)) return []
  const msAt = (macs: number) => ((macs - start) / total) * predictedMs
  const inside = model.points.filter(({ macsBefore }) => macsBefore > start && macsBefore < start + total)
  const cuts: TensorName[] = []
  let segmentStart = 0
  for (const [i, point] of inside.entries()) {
    const next = inside[i + 1]
    const nextMs = next === undefined ? predictedMs : msAt(next.macsBefore)
    const atMs = msAt(point.macsBefore)
    if (nextMs - segmentStart > maxMs && atMs > segmentStart) {
      cuts.push(point.tensor)
      segmentStart = atMs
    }
  }
  return cuts
}

const isOnTrunk = (model: StagedModel, tensor: TensorName): boolean =>
  tensor === model.output.tensor || model.points.some((point) => point.tensor === tensor)

function macsAt(model: StagedModel, tensor: TensorName): number {
  if (tensor === model.input.tensor) return 0
  return model.points.find((point) => point.tensor === tensor)?.macsBefore ?? model.macs
}

function partial(model: StagedModel, tensor: TensorName, rows: Range): Range | undefined {
  const height = model.shape(tensor)?.[2]
  return rows.start === 0 && rows.end === height ? undefined : rows
}
