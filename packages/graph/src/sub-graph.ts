import type { TensorName } from '@roomful/core'
import type { GraphAnalysis } from './analysis.ts'
import { GraphError } from './error.ts'
import { reads } from './format/topological.ts'
import type { GraphNode, Initialiser, ModelGraph, ValueInfo } from './model-graph.ts'
import { initialiserOf } from './tensor-values.ts'

/** The part of a graph that some tensors need. */
export interface SubGraph {
  /** Indices into the analysis' nodes, ascending. */
  readonly nodes: readonly number[]
  readonly initialisers: Map<TensorName, Initialiser>
  /** Which of the `from` tensors are read. */
  readonly reached: ReadonlySet<TensorName>
}

/**
 * What `to` needs, walking back until `from`. Constants that come from shapes beyond it are carried as values.
 * @throws GraphError `unknown-tensor`, or `not-separating` when `to` also needs another input of the graph
 */
export function subGraph(analysis: GraphAnalysis, from: ReadonlySet<TensorName>, to: readonly TensorName[]): SubGraph {
  const { graph, nodes, producers } = analysis
  const wanted = new Set<number>()
  const initialisers = new Map<TensorName, Initialiser>()
  const reached = new Set<TensorName>()
  const seen = new Set<TensorName>()
  const stack = [...to]
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    if (from.has(name)) {
      reached.add(name)
      continue
    }
    const constant = graph.initialisers.get(name) ?? carried(analysis, name)
    if (constant !== undefined) {
      initialisers.set(name, constant)
      continue
    }
    const index = producers.get(name)
    const node = index === undefined ? undefined : nodes[index]?.node
    if (index === undefined || node === undefined) {
      if (!graph.inputs.some((input) => input.name === name)) throw unknownTensor(name)
      throw new GraphError('not-separating', `[${to}] also depends on the input ${name}, not on [${[...from]}] alone`)
    }
    wanted.add(index)
    stack.push(...reads(node))
  }
  return { nodes: [...wanted].sort((a, b) => a - b), initialisers, reached }
}

export const unknownTensor = (name: TensorName) => new GraphError('unknown-tensor', `no tensor is named ${name}`)

/** A folded shape as a constant of its own, so that its source need not be in the sub-model. */
function carried({ derived, tensors }: GraphAnalysis, name: TensorName): Initialiser | undefined {
  const info = derived.has(name) ? tensors.get(name) : undefined
  if (info?.value === undefined) return undefined
  return initialiserOf(name, info.dtype, info.shape, info.value)
}

/** A model of these nodes with the source's versions and producer. Annotations are kept on request. */
export function modelOf(
  source: ModelGraph,
  parts: Pick<ModelGraph, 'inputs' | 'outputs' | 'nodes' | 'initialisers'>,
  annotations: ModelGraph['annotations'] = new Map(),
): ModelGraph {
  const { name, irVersion, opset, opsets, envelope } = source
  const graph = envelope.graph === undefined ? undefined : { ...envelope.graph }
  // What the subset does not know of the whole graph (sparse initialisers, quantisation notes) names tensors that are gone.
  if (graph !== undefined) delete graph.$unknown
  const kept = graph === undefined ? envelope : { ...envelope, graph }
  return { name, irVersion, opset, opsets, annotations, envelope: kept, ...parts }
}

/** The input or output entry of a tensor with its inferred shape; without one when it is not known. */
export function valueInfoOf({ tensors, graph }: GraphAnalysis, name: TensorName): ValueInfo {
  const info = tensors.get(name)
  if (info !== undefined) return { name, dtype: info.dtype, shape: info.shape }
  return (
    graph.annotations.get(name) ?? graph.outputs.find((output) => output.name === name) ?? { name, dtype: 'undefined' }
  )
}

export const nodesAt = ({ graph }: GraphAnalysis, indices: readonly number[]): GraphNode[] =>
  indices.flatMap((index) => graph.nodes[index] ?? [])
