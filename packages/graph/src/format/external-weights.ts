import type { TensorName } from '@roomful/core'
import { isIndexType } from '../data-type.ts'
import { GraphError } from '../error.ts'
import type { Attribute, ExternalBytes, GraphNode, Initialiser, ModelGraph } from '../model-graph.ts'
import { reads } from './topological.ts'

/** Cache-line and SIMD alignment; ONNX leaves it free for weights that are not memory-mapped. */
const ALIGNMENT = 64
/** Smaller tensors stay in the model: scalars such as the bounds of Clip, which shape inference reads. */
const MIN_EXTERNAL_BYTES = 65
/** Two ranges with a gap below this are fetched as one. */
const COALESCE_GAP = 4096

const goesOut = (t: Initialiser): boolean =>
  t.proto === undefined && !isIndexType(t.dtype) && (t.data?.length ?? t.external?.length ?? 0) >= MIN_EXTERNAL_BYTES

/** The graph with its weights moved to one external file, in the order of their first use. */
export function layOutWeights(source: ModelGraph, location: string): { graph: ModelGraph; weights: Uint8Array } {
  const graph = hoistConstants(source)
  const placed = new Map<TensorName, Initialiser>()
  let length = 0
  for (const tensor of inOrderOfUse(graph)) {
    if (!goesOut(tensor)) continue
    if (tensor.data === undefined) throw new GraphError('missing', `the weights of ${tensor.name} are not loaded`)
    const offset = Math.ceil(length / ALIGNMENT) * ALIGNMENT
    length = offset + tensor.data.length
    placed.set(tensor.name, { ...tensor, external: { location, offset, length: tensor.data.length } })
  }
  const weights = new Uint8Array(length)
  for (const { data, external } of placed.values()) {
    if (data !== undefined && external !== undefined) weights.set(data, external.offset)
  }
  const initialisers = new Map<TensorName, Initialiser>()
  for (const [name, tensor] of graph.initialisers) {
    initialisers.set(name, pointing(placed.get(name)) ?? inline(tensor))
  }
  return { graph: { ...graph, initialisers }, weights }
}

/** A tensor with both data and a place is written inline; the weights have just been written, so only the place stays. */
function pointing(tensor: Initialiser | undefined): Initialiser | undefined {
  if (tensor === undefined) return undefined
  const { data: _, ...rest } = tensor
  return rest
}

function inline(tensor: Initialiser): Initialiser {
  if (tensor.external === undefined || tensor.data === undefined) return tensor
  const { external: _, ...rest } = tensor
  return rest
}

function* inOrderOfUse(graph: ModelGraph): Generator<Initialiser> {
  const seen = new Set<TensorName>()
  for (const node of graph.nodes) {
    for (const name of reads(node)) {
      const tensor = graph.initialisers.get(name)
      if (tensor === undefined || seen.has(name)) continue
      seen.add(name)
      yield tensor
    }
  }
  for (const [name, tensor] of graph.initialisers) if (!seen.has(name)) yield tensor
}

/** Large tensors of Constant nodes as initialisers: runtimes read external data only there. */
function hoistConstants(graph: ModelGraph): ModelGraph {
  const initialisers = new Map(graph.initialisers)
  const nodes = graph.nodes.filter((node) => {
    const tensor = node.op === 'Constant' && node.domain === '' ? constantTensor(node) : undefined
    const [name] = node.outputs
    if (tensor === undefined || name === undefined || !goesOut(tensor)) return true
    if (graph.outputs.some((output) => output.name === name)) return true
    initialisers.set(name, { ...tensor, name })
    return false
  })
  return { ...graph, nodes, initialisers }
}

function constantTensor(node: GraphNode): Initialiser | undefined {
  const value: Attribute | undefined = node.attributes.get('value')
  return value?.kind === 'tensor' ? value.value : undefined
}

/**
 * Byte ranges of external weights that the graph needs, loaded or not, by file and offset, neighbours joined. Empty when
 * all is inline.
 */
export function weightRanges(graph: ModelGraph): ExternalBytes[] {
  const wanted: ExternalBytes[] = []
  for (const { external } of graph.initialisers.values()) {
    if (external !== undefined && external.length > 0) wanted.push(external)
  }
  wanted.sort((a, b) => (a.location === b.location ? a.offset - b.offset : a.location < b.location ? -1 : 1))
  const ranges: ExternalBytes[] = []
  for (const next of wanted) {
    const last = ranges.at(-1)
    if (
      last === undefined ||
      last.location !== next.location ||
      next.offset > last.offset + last.length + COALESCE_GAP
    ) {
      ranges.push(next)
      continue
    }
    const end = Math.max(last.offset + last.length, next.offset + next.length)
    ranges[ranges.length - 1] = { location: last.location, offset: last.offset, length: end - last.offset }
  }
  return ranges
}

/**
 * The graph with its external weights filled in and inline from then on.
 * @param read the bytes of one tensor; may be a view into a larger buffer
 * @throws GraphError `malformed` when `read` gives another length
 */
export function loadWeights(graph: ModelGraph, read: (range: ExternalBytes) => Uint8Array): ModelGraph {
  const initialisers = new Map<TensorName, Initialiser>()
  for (const [name, tensor] of graph.initialisers) {
    if (tensor.external === undefined) {
      initialisers.set(name, tensor)
      continue
    }
    const data = tensor.data ?? read(tensor.external)
    if (data.length !== tensor.external.length) {
      throw new GraphError(
        'malformed',
        `the weights of ${name} have ${data.length} bytes, not ${tensor.external.length}`,
      )
    }
    initialisers.set(name, inline({ ...tensor, data }))
  }
  return { ...graph, initialisers }
}
