import type { TensorName } from '@roomful/core'
import type { GraphAnalysis, NodeAnalysis, OperatorKind } from './analysis.ts'
import { GraphError } from './error.ts'
import { reads } from './format/topological.ts'
import { subGraph } from './sub-graph.ts'

/**
 * A place at which one device may end a session and begin the next. Unlike at a partition point several tensors may cross
 * it: never on a wire, only from session to session.
 */
export interface LocalCut {
  /** What later nodes still need, in the order in which it was made; `from` may be among it. */
  readonly tensors: readonly TensorName[]
  readonly bytes: number
  /** Work between `from` and here; see `nodeWork`. */
  readonly workBefore: number
}

export interface LocalCuts {
  /** In order. */
  readonly cuts: readonly LocalCut[]
  /** From `from` to `to`. */
  readonly work: number
}

/** More tensors than this at once are not worth a cut. */
const MOST_TENSORS = 8

/**
 * Where the nodes between two tensors can be run in pieces: in the order of the file, before each node that multiplies.
 * There only, so that what follows a convolution (normalisation, activation, sum) stays in its session, where ONNX
 * Runtime fuses them. Quantised nets have none: their kernels are fused across such places.
 * @throws GraphError `unknown-tensor`, `not-separating`
 */
export function localCuts(analysis: GraphAnalysis, from: TensorName, to: TensorName): LocalCuts {
  const { nodes, dynamic, tensors } = analysis
  const part = subGraph(analysis, new Set([from]), [to])
  if (!part.reached.has(from)) throw new GraphError('not-separating', `${to} does not depend on ${from}`)
  const indices = part.nodes.filter((index) => nodes[index]?.node.outputs.some((name) => dynamic.has(name)))
  const lastUse = new Map<TensorName, number>([[to, Number.POSITIVE_INFINITY]])
  for (const index of indices.toReversed()) {
    const node = nodes[index]?.node
    if (node === undefined) continue
    for (const name of reads(node)) if (dynamic.has(name) && !lastUse.has(name)) lastUse.set(name, index)
  }
  if (indices.some((index) => nodes[index]?.kind === 'quantise'))
    return { cuts: [], work: totalWork(analysis, indices) }
  const live = new Set<TensorName>([from])
  const cuts: LocalCut[] = []
  let workBefore = 0
  for (const index of indices) {
    const entry = nodes[index]
    if (entry === undefined) continue
    const names = [...live]
    if (entry.macs > 0 && workBefore > 0 && names.length <= MOST_TENSORS) {
      const infos = names.flatMap((name) => tensors.get(name) ?? [])
      const bytes = infos.reduce((sum, info) => sum + info.bytes, 0)
      if (infos.length === names.length) cuts.push({ tensors: names, bytes, workBefore })
    }
    workBefore += nodeWork(entry)
    for (const name of entry.node.outputs) if ((lastUse.get(name) ?? -1) > index) live.add(name)
    for (const name of live) if ((lastUse.get(name) ?? -1) <= index) live.delete(name)
  }
  return { cuts, work: workBefore }
}

/**
 * What runs from one cut to the next, as `extract` takes it. Tensors that only pass by are on neither side.
 * @param before what has been made: `[from]`, or a cut's tensors
 * @param after a later cut's tensors, or `[to]`
 */
export function localStep(
  analysis: GraphAnalysis,
  before: readonly TensorName[],
  after: readonly TensorName[],
): { readonly takes: readonly TensorName[]; readonly gives: readonly TensorName[] } {
  const held = new Set(before)
  const gives = after.filter((name) => !held.has(name))
  const { reached } = subGraph(analysis, held, gives)
  return { takes: before.filter((name) => reached.has(name)), gives }
}

/**
 * Work of a node in multiply-accumulates of a plain convolution that take as long (3 x 3, 64 channels, which is what a device's
 * speed is measured on), by ONNX Runtime's CPU kernels on one thread: a depthwise convolution uses its weights once, everything
 * else costs its passes over memory; batch normalisation becomes part of the convolution before it. The weights are the
 * predictor's reference costs, rounded. Good enough to balance sessions, not to predict them: within 5 % of what ResNet-50,
 * MobileNetV2 and the shipped imagenette took.
 */
export function nodeWork({ node, kind, macs, activationBytes }: NodeAnalysis): number {
  if (kind === 'constant' || node.op === 'BatchNormalization') return 0
  const elements = activationBytes / 4
  return PUBLIC_NETS * ((PER_MAC[kind] ?? 1) * macs + (PER_ELEMENT[kind] ?? 3) * elements)
}

/** Layers of public networks take so much longer than those that speed is measured on. */
const PUBLIC_NETS = 1.15
const PER_MAC: Partial<Record<OperatorKind, number>> = { depthwise: 4 }
const PER_ELEMENT: Partial<Record<OperatorKind, number>> = {
  conv: 4,
  depthwise: 4,
  pool: 20,
  norm: 100,
  softmax: 35,
  reduce: 35,
}

const totalWork = ({ nodes }: GraphAnalysis, indices: readonly number[]): number =>
  indices.reduce((sum, index) => sum + (nodes[index] === undefined ? 0 : nodeWork(nodes[index])), 0)
