import { type ModelDigest, modelDigest, type TensorName } from '@roomful/core'
import { type GraphAnalysis, partitionPoints } from '@roomful/graph'
import type { Manifest, ManifestPartitionPoint } from '@roomful/model'
import { PlannerError } from '../error.ts'
import { addFeatures, emptyWork, workMacs } from '../predictor/work.ts'
import { pictureBytes } from './chain.ts'
import type { CutPoint, ExitSetting, PlannableExit, PlannableModel, Segment, WireOption } from './plannable.ts'
import { NodeIndex } from './segments.ts'
import { type MeasuredWire, plainWires } from './wires.ts'

export interface PlannableOptions {
  /** Exits, wire variants, measured losses; without it the bare graph is planned without exits. */
  readonly manifest?: Manifest
  readonly digest?: ModelDigest
  /** The trunk's output; default the manifest's, else the graph's last output. */
  readonly output?: TensorName
  /** Analyses of the manifest's other trunks by name; those that have no files of their own are in the main graph. */
  readonly trunks?: ReadonlyMap<string, GraphAnalysis>
  /** Every partition point, also those that no sensible cut would use. Default false. */
  readonly allPoints?: boolean
  /** The only tensors that may be cut points; default all. */
  readonly only?: ReadonlySet<TensorName>
  /** Partition points that must be among the cuts, such as the one until which everything is private. */
  readonly keep?: readonly TensorName[]
}

/** A segment below this share of the trunk's work does not make its end a cut of its own. */
const NEGLIGIBLE = 1e-3

/**
 * The planner's view of a graph, with or without weights.
 * @throws PlannerError `model` when the graph lacks an input, an output or their shapes
 */
export function plannableModel(analysis: GraphAnalysis, options: PlannableOptions = {}): PlannableModel {
  const { manifest } = options
  const output = options.output ?? manifest?.trunks[0]?.output ?? analysis.graph.outputs.at(-1)?.name
  const input = analysis.graph.inputs[0]?.name
  if (input === undefined || output === undefined)
    throw new PlannerError('model', 'the graph has no input or no output')
  const index = new NodeIndex(analysis)
  const learned = manifest?.partitionPoints.filter(({ variants }) =>
    variants.some((one) => one.bottleneck !== undefined),
  )
  const keep = new Set<TensorName>([
    ...(manifest?.exits.map((exit) => exit.from) ?? []),
    ...(learned?.map(({ tensor }) => tensor) ?? []),
    ...(options.keep ?? []),
  ])
  const wanted = options.allPoints === true ? 'all' : keep
  const tensors = cutTensors(analysis, index, input, output, wanted, options.only)
  const measured = new Map(manifest?.partitionPoints.map((point) => [point.tensor, point]))
  const points = tensors.map((tensor, at) => cutPoint(analysis, tensor, at, measured.get(tensor), manifest))
  const segments: Segment[] = []
  for (let i = 0; i + 1 < tensors.length; i++) {
    segments.push(index.segment(tensors[i] as TensorName, tensors[i + 1] as TensorName))
  }
  const [, , height = 224, width = 224] = points[0]?.shape ?? []
  const pixels = manifest === undefined ? height * width : manifest.input.width * manifest.input.height
  return {
    digest: options.digest ?? modelDigest(manifest?.digest ?? (analysis.graph.name || 'model')),
    trunk: 'main',
    trunkLoss: 0,
    ...top1Of(manifest),
    points,
    segments,
    exits: manifest === undefined ? [] : exitsOf(analysis, index, manifest, tensors),
    settings: manifest === undefined ? [] : settingsOf(manifest),
    picture: pictureBytes(pixels),
    trunks: manifest === undefined ? [] : otherTrunks(manifest, analysis, points, options),
  }
}

function cutTensors(
  analysis: GraphAnalysis,
  index: NodeIndex,
  input: TensorName,
  output: TensorName,
  keep: ReadonlySet<TensorName> | 'all',
  only: ReadonlySet<TensorName> | undefined,
): TensorName[] {
  const inner = partitionPoints(analysis, { output })
    .map((point) => point.tensor)
    .filter((tensor) => tensor !== input && tensor !== output && only?.has(tensor) !== false)
  if (keep === 'all') return [input, ...inner, output]
  const total = workMacs(index.work(index.between(input, output)))
  const out: TensorName[] = [output]
  // From the back: a point directly before a cheap layer that does not enlarge the tensor is never the better cut.
  for (const tensor of inner.reverse()) {
    const next = out[0] as TensorName
    const macs = workMacs(index.work(index.between(tensor, next)))
    const shrinks = elementsOf(analysis, next) <= elementsOf(analysis, tensor)
    if (!keep.has(tensor) && macs <= total * NEGLIGIBLE && shrinks && !keep.has(next)) continue
    out.unshift(tensor)
  }
  return [input, ...out]
}

const elementsOf = (analysis: GraphAnalysis, tensor: TensorName): number => analysis.tensors.get(tensor)?.elements ?? 0

function cutPoint(
  analysis: GraphAnalysis,
  tensor: TensorName,
  index: number,
  measured: ManifestPartitionPoint | undefined,
  manifest: Manifest | undefined,
): CutPoint {
  const info = analysis.tensors.get(tensor)
  if (info === undefined) throw new PlannerError('model', `the shape of ${tensor} is not known`)
  const rows = info.shape.length === 4 ? (info.shape[2] ?? 0) : 0
  return {
    index,
    tensor,
    shape: info.shape,
    elements: info.elements,
    rows,
    elementsPerRow: rows === 0 ? info.elements : info.elements / rows,
    wires: wiresOf(info.shape, measured, manifest),
  }
}

function wiresOf(
  shape: readonly number[],
  point: ManifestPartitionPoint | undefined,
  manifest: Manifest | undefined,
): WireOption[] {
  const full = manifest?.final.top1
  const lossOf = (top1: number | undefined) =>
    full === undefined || top1 === undefined ? undefined : Math.max(0, full - top1)
  const plain = new Map<number, MeasuredWire>()
  const learned: WireOption[] = []
  for (const variant of point?.variants ?? []) {
    const loss = lossOf(variant.top1)
    if (variant.bottleneck === undefined) {
      const bytes = variant.sentBytes ?? variant.bytes
      plain.set(variant.bits, { bytes, ...(loss === undefined ? {} : { loss }) })
      continue
    }
    if (loss === undefined) continue
    // The encoder is taken as a 1 x 1 convolution to as many channels as the bytes say. [ours]
    const [, channels = 1] = shape
    const macs = ((variant.bytes * 8) / variant.bits) * channels
    learned.push({
      wire: { bits: variant.bits, bottleneck: variant.name, entropy: 'none' },
      bytes: variant.bytes,
      accuracyLoss: loss,
      measured: true,
      encoderMacs: macs,
      decoderMacs: macs,
    })
  }
  return [...plainWires(shape, plain), ...learned]
}

function exitsOf(
  analysis: GraphAnalysis,
  index: NodeIndex,
  manifest: Manifest,
  tensors: readonly TensorName[],
): PlannableExit[] {
  return manifest.exits.flatMap((exit): PlannableExit[] => {
    const point = tensors.indexOf(exit.from)
    if (point < 0) return []
    const nodes = index.between(exit.from, exit.output)
    const work = nodes.length > 0 ? index.work(nodes) : addFeatures(emptyWork(), 'conv', [exit.branchMacs])
    const outputBytes = (analysis.tensors.get(exit.output)?.elements ?? manifest.labels.length) * 4
    const { name, threshold, top1 } = exit
    const full = manifest.final.top1
    const alone = full === undefined || top1 === undefined ? {} : { aloneLoss: Math.max(0, full - top1) }
    return [{ name, point, work, macs: workMacs(work), outputBytes, threshold, ...alone }]
  })
}

function settingsOf(manifest: Manifest): ExitSetting[] {
  return manifest.operatingCurve.map((point) => ({
    thresholds: point.thresholds,
    shares: point.exitShares,
    accuracyLoss: Math.max(0, point.accuracyLoss),
  }))
}

function top1Of(manifest: Manifest | undefined): { readonly top1?: number } {
  const top1 = manifest?.trunks[0]?.top1 ?? manifest?.final.top1
  return top1 === undefined ? {} : { top1 }
}

/**
 * The trunks beside the main one whose structure and accuracy are known. The runtime cuts every trunk at the main one's partition
 * points, by their names and shapes: where pruning has made a map thinner there is no cut.
 */
function otherTrunks(
  manifest: Manifest,
  main: GraphAnalysis,
  points: readonly CutPoint[],
  options: PlannableOptions,
): PlannableModel[] {
  const { top1 } = top1Of(manifest)
  return manifest.trunks.slice(1).flatMap((trunk): PlannableModel[] => {
    const analysis = trunk.files === undefined ? main : options.trunks?.get(trunk.name)
    if (analysis === undefined || trunk.output !== manifest.final.output) return []
    if (top1 === undefined || trunk.top1 === undefined) return []
    const only = new Set(
      points.flatMap(({ tensor, shape }) =>
        analysis.tensors.get(tensor)?.shape.join() === shape.join() ? [tensor] : [],
      ),
    )
    const { keep = [] } = options
    const plain = plannableModel(analysis, { digest: modelDigest(manifest.digest), output: trunk.output, only, keep })
    // What is known of the input and of how its pictures travel is the package's.
    const picture = pictureBytes(manifest.input.width * manifest.input.height)
    return [{ ...plain, trunk: trunk.name, trunkLoss: Math.max(0, top1 - trunk.top1), top1, picture }]
  })
}
