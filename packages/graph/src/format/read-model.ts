import { fromBinary } from '@bufbuild/protobuf'
import type { TensorName } from '@roomful/core'
import { dataTypeOf } from '../data-type.ts'
import { GraphError } from '../error.ts'
import { type ModelProto, ModelProtoSchema, type ValueInfoProto } from '../gen/onnx-subset_pb.ts'
import type { Dim, Initialiser, ModelGraph, ValueInfo } from '../model-graph.ts'
import { MAX_NODES } from './limits.ts'
import { readNode } from './read-node.ts'
import { type ReadExternal, readTensor } from './read-tensor.ts'
import { scanModel } from './scan.ts'
import { topological } from './topological.ts'

export interface ReadOptions {
  /** Bytes of external weights; without it the graph is read without them (`loadWeights` fills them in later). */
  readonly externalData?: ReadExternal
  /** Sizes of the inputs, for symbolic dimensions; a symbolic first dimension is 1 without it. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>
}

/**
 * An ONNX file as a graph. Weights in the file are not copied: keep `bytes` unchanged as long as the graph is used.
 * Opset 7 to 21, IR version 3 on; newer files are tried as they are.
 * @throws GraphError whatever is wrong with the file; nothing else
 */
export function readModel(bytes: Uint8Array, o: ReadOptions = {}): ModelGraph {
  scanModel(bytes)
  try {
    return convert(fromBinary(ModelProtoSchema, bytes), o)
  } catch (cause) {
    if (cause instanceof GraphError) throw cause
    throw new GraphError('malformed', 'not an ONNX model', { cause })
  }
}

function convert(proto: ModelProto, o: ReadOptions): ModelGraph {
  const { graph } = proto
  if (graph === undefined) throw new GraphError('malformed', 'the file holds no graph: not an ONNX model')
  if (graph.node.length > MAX_NODES) throw new GraphError('too-large', `more than ${MAX_NODES} nodes`)
  const opsets = new Map(proto.opsetImport.map((o) => [o.domain === 'ai.onnx' ? '' : o.domain, Number(o.version)]))
  const initialisers = new Map<TensorName, Initialiser>()
  for (const tensor of graph.initializer) {
    if (tensor.name === '' || initialisers.has(tensor.name)) {
      throw new GraphError('malformed', `two initialisers are named '${tensor.name}'`)
    }
    initialisers.set(tensor.name, readTensor(tensor, o.externalData))
  }
  const inputs = graph.input.filter((input) => !initialisers.has(input.name)).map((i) => readInput(i, o.inputShapes))
  for (const name of Object.keys(o.inputShapes ?? {})) {
    if (!inputs.some((input) => input.name === name))
      throw new GraphError('unknown-tensor', `no input is named ${name}`)
  }
  const given = new Set([...initialisers.keys(), ...inputs.map((input) => input.name)])
  if (given.size !== initialisers.size + inputs.length) throw new GraphError('malformed', 'two inputs have one name')
  const nodes = topological(
    graph.node.map((node) => readNode(node, o.externalData)),
    given,
  )
  const outputs = graph.output.map((output) => readValueInfo(output))
  checkOutputs(outputs, nodes, given)
  const annotations = new Map<TensorName, ValueInfo>()
  for (const info of graph.valueInfo) annotations.set(info.name, readValueInfo(info))
  return {
    name: graph.name,
    irVersion: Number(proto.irVersion),
    opset: opsets.get('') ?? 1,
    opsets,
    inputs,
    outputs,
    nodes,
    initialisers,
    annotations,
    envelope: {
      ...proto,
      graph: { ...graph, node: [], initializer: [], input: [], output: [], valueInfo: [] },
    },
  }
}

function checkOutputs(outputs: readonly ValueInfo[], nodes: ModelGraph['nodes'], given: ReadonlySet<string>): void {
  if (outputs.length === 0) throw new GraphError('malformed', 'the graph has no outputs')
  const made = new Set(given)
  for (const node of nodes) for (const name of node.outputs) made.add(name)
  const seen = new Set<string>()
  for (const { name } of outputs) {
    if (name === '' || !made.has(name)) throw new GraphError('missing', `nothing makes the output '${name}'`)
    if (seen.has(name)) throw new GraphError('malformed', `the output ${name} is listed twice`)
    seen.add(name)
  }
}

function readValueInfo(proto: ValueInfoProto): ValueInfo {
  const tensor = proto.type?.tensorType
  const dtype = dataTypeOf(tensor?.elemType ?? 0) ?? 'undefined'
  const base = { name: proto.name, dtype, proto }
  if (tensor?.shape === undefined) return base
  const shape = tensor.shape.dim.map((dim): Dim => {
    const size = Number(dim.dimValue)
    if (dim.dimParam !== '') return dim.dimParam
    // Some exporters write -1 or 0 for a size they do not know.
    return size > 0 && Number.isSafeInteger(size) ? size : '?'
  })
  return { ...base, shape }
}

function readInput(proto: ValueInfoProto, shapes: ReadOptions['inputShapes']): ValueInfo {
  const info = readValueInfo(proto)
  if (proto.name === '' || info.dtype === 'undefined') {
    throw new GraphError('unsupported', `the input '${proto.name}' is no tensor`)
  }
  const given = shapes?.[info.name]
  if (given === undefined) return info
  const fits = info.shape === undefined || (info.shape.length === given.length && given.every(isSizeOf(info.shape)))
  if (!fits || !given.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new GraphError('shape', `the input ${info.name} is [${info.shape}], which [${given}] does not fit`)
  }
  return { name: info.name, dtype: info.dtype, shape: given }
}

const isSizeOf = (shape: readonly Dim[]) => (size: number, axis: number) =>
  typeof shape[axis] === 'string' || shape[axis] === size
