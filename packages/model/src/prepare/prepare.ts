import {
  analyse,
  extract,
  type GraphAnalysis,
  type ModelGraph,
  type PartitionPoint,
  partitionPoints,
  readModel,
  writeModel,
} from '@roomful/graph'
import { packageDigest } from '../digest.ts'
import { ModelError } from '../error.ts'
import { checkManifest, manifestText } from '../manifest/check.ts'
import type { Manifest, ManifestExit, ManifestPartitionPoint } from '../manifest/schema.ts'
import { describeFiles, WEIGHTS_FILE } from './files.ts'
import { inputOf } from './input.ts'
import { type CheckedMeta, checkMeta, type ModelMeta } from './meta.ts'
import { prefixDigests } from './prefix-digest.ts'
import { plainVariants } from './variants.ts'

/** The three files of a model package; `manifestBytes` is model.json as text. */
export interface PreparedModel {
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  readonly graphBytes: Uint8Array
  readonly weightsBytes: Uint8Array
}

/**
 * A model package from an ONNX model that holds its weights. Pure: no files, no network; the page uses it for a dropped
 * file, the command line for `prepare`.
 * @throws GraphError when the model cannot be read or analysed
 * @throws ModelError `bad-meta` when `meta` does not fit the graph or the input is no picture
 */
export async function prepareModel(model: Uint8Array | ModelGraph, metadata: ModelMeta = {}): Promise<PreparedModel> {
  const meta = checkMeta(metadata)
  const graph = model instanceof Uint8Array ? readModel(model) : model
  const analysis = analyse(graph)
  const input = inputOf(analysis, meta)
  const output = finalOutput(graph, meta)
  checkLabels(analysis, output, meta)
  const trunk = analyse(extract(graph, input.tensor, output)).totals
  const points = partitionPoints(analysis, { output })
  const written = writeModel(graph, { external: { location: WEIGHTS_FILE } })
  const weightsBytes = written.weights ?? new Uint8Array()
  const files = await describeFiles(written.model, weightsBytes)
  const manifest = await checkManifest({
    format: 'roomful-model/1',
    name: meta.name ?? (graph.name || 'model'),
    version: meta.version ?? '1',
    license: meta.license ?? 'unknown',
    digest: await packageDigest(files.graph.sha256, files.weights.sha256),
    input,
    labels: meta.labels ?? [],
    files,
    trunks: [{ name: 'main', output, macs: trunk.macs, parameters: trunk.parameters, bits: 32 }],
    exits: exitsOf(analysis, points, meta),
    final: { output, temperature: meta.final?.temperature ?? 1, ...top1(meta.final?.top1) },
    partitionPoints: await describePoints(graph, points, meta),
    operatingCurve: meta.operatingCurve ?? [],
    calibration: { confidence: 'max-softmax', ...meta.calibration },
    measured: meta.measured ?? {},
  })
  const manifestBytes = new TextEncoder().encode(manifestText(manifest))
  return { manifest, manifestBytes, graphBytes: written.model, weightsBytes }
}

function finalOutput(graph: ModelGraph, meta: CheckedMeta): string {
  const names = graph.outputs.map((output) => output.name)
  const output = meta.final?.output ?? names.at(-1)
  if (output === undefined || !names.includes(output)) {
    throw new ModelError('bad-meta', `meta: final output ${output} is not among the outputs (${names.join(', ')})`)
  }
  return output
}

/**
 * Whether a cut at point `i` can be the better one. It cannot where only an element-wise step (bias, norm, activation)
 * divides it from the next point: a cut there sends as many bytes after as much work, and the later map packs better. Such
 * points may be cut, but no wire variants are listed and measured for them.
 */
function worthCutting(points: readonly PartitionPoint[], i: number): boolean {
  const point = points[i]
  const next = points[i + 1]
  if (point === undefined || next === undefined) return true
  const sameForm = next.dtype === point.dtype && next.shape.join() === point.shape.join()
  return !sameForm || next.macsBefore !== point.macsBefore
}

/** @throws ModelError `bad-meta` when there are labels but not one for each class */
function checkLabels(analysis: GraphAnalysis, output: string, meta: CheckedMeta): void {
  const classes = analysis.tensors.get(output)?.shape.at(-1)
  const labels = meta.labels?.length ?? 0
  if (labels > 0 && classes !== undefined && labels !== classes) {
    throw new ModelError('bad-meta', `${labels} labels for ${classes} classes (${output})`)
  }
}

/** Exits with their costs: `branchMacs` of the branch alone, `macs` of the trunk so far and all branches met on the way. */
function exitsOf(analysis: GraphAnalysis, points: readonly PartitionPoint[], meta: CheckedMeta): ManifestExit[] {
  const outputs = new Set(analysis.graph.outputs.map((output) => output.name))
  let branches = 0
  return (meta.exits ?? []).map((exit) => {
    const point = points.find(({ tensor }) => tensor === exit.from)
    if (point === undefined) {
      throw new ModelError('bad-meta', `exit ${exit.name}: ${exit.from} is no partition point of the trunk`)
    }
    if (!outputs.has(exit.output)) throw new ModelError('bad-meta', `exit ${exit.name}: no output ${exit.output}`)
    const branchMacs = analyse(extract(analysis.graph, exit.from, exit.output)).totals.macs
    branches += branchMacs
    const { name, from, output, temperature, threshold } = exit
    const macs = point.macsBefore + branches
    return { name, from, output, macs, branchMacs, temperature, threshold, ...top1(exit.top1) }
  })
}

const top1 = (value: number | undefined) => (value === undefined ? {} : { top1: value })

async function describePoints(
  graph: ModelGraph,
  points: readonly PartitionPoint[],
  meta: CheckedMeta,
): Promise<ManifestPartitionPoint[]> {
  const digests = await prefixDigests(graph)
  const exits = new Set((meta.exits ?? []).map((exit) => exit.from))
  return points.map((point, i) => ({
    tensor: point.tensor,
    dtype: point.dtype,
    shape: [...point.shape],
    bytes: point.bytes,
    macsBefore: point.macsBefore,
    parametersBefore: point.parametersBefore,
    prefixDigest: digests.get(point.tensor) ?? '',
    variants: exits.has(point.tensor) || worthCutting(points, i) ? plainVariants(point) : [],
  }))
}
