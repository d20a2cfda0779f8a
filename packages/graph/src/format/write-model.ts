import { create, toBinary } from '@bufbuild/protobuf'
import { dataTypeNumber } from '../data-type.ts'
import { GraphError } from '../error.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../gen/onnx-subset_pb.ts'
import type { Attribute, ExternalBytes, GraphNode, Initialiser, ModelGraph, ValueInfo } from '../model-graph.ts'
import { layOutWeights } from './external-weights.ts'
import { ATTRIBUTE_TYPE } from './read-node.ts'
import { WireParts } from './wire-parts.ts'

/** Initialisers need not be listed as inputs from this IR version on. */
const MIN_IR_VERSION = 4
const EXTERNAL = 1
const INT64_MAX = 2n ** 63n - 1n
const text = new TextEncoder()

/** `location`: the file name under which the model looks for its weights. */
export interface WriteOptions {
  readonly external?: { readonly location: string }
}

export interface WrittenModel {
  readonly model: Uint8Array
  /** Present with `external`. */
  readonly weights?: Uint8Array
}

/**
 * The graph as an ONNX file; with `external`, tensors of weights go to a second file in the order in which the nodes first
 * read them, each aligned to 64 bytes, so that consecutive layers need one range of it. Same graph, same bytes.
 * Weights that are not loaded keep pointing at where they were.
 * @throws GraphError `missing` when `external` is asked for and weights are not loaded
 */
export function writeModel(graph: ModelGraph, o: WriteOptions = {}): WrittenModel {
  if (o.external === undefined) return { model: encode(graph).join() }
  const { graph: moved, weights } = layOutWeights(graph, o.external.location)
  return { model: encode(moved).join(), weights }
}

/** The file that `writeModel` without `external` makes, in pieces that share memory with the graph's weights. */
export function writeModelPieces(graph: ModelGraph): readonly Uint8Array[] {
  return encode(graph).pieces
}

/** Nested messages are joined once at the end, so that weights are copied once. */
function encode(graph: ModelGraph): WireParts {
  const { envelope } = graph
  const body = new WireParts()
  const graphHead = Object.assign(create(GraphProtoSchema), envelope.graph)
  graphHead.name = graph.name
  graphHead.node = graph.nodes.map(nodeProto)
  graphHead.input = graph.inputs.map(valueInfoProto)
  graphHead.output = graph.outputs.map(valueInfoProto)
  graphHead.valueInfo = [...graph.annotations.values()].map(valueInfoProto)
  body.raw(toBinary(GraphProtoSchema, graphHead))
  for (const initialiser of graph.initialisers.values()) {
    const tensor = new WireParts()
    tensor.raw(toBinary(TensorProtoSchema, tensorProto(initialiser, false)))
    if (initialiser.data !== undefined) tensor.field(TensorProtoSchema.field.rawData.number, initialiser.data)
    body.nested(GraphProtoSchema.field.initializer.number, tensor)
  }
  const model = new WireParts()
  const modelHead = Object.assign(create(ModelProtoSchema), envelope)
  delete modelHead.graph
  modelHead.irVersion = BigInt(Math.max(MIN_IR_VERSION, graph.irVersion))
  modelHead.opsetImport = [...graph.opsets].map(([domain, version]) =>
    create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  )
  model.raw(toBinary(ModelProtoSchema, modelHead))
  model.nested(ModelProtoSchema.field.graph.number, body)
  return model
}

function tensorProto(t: Initialiser, withData: boolean): TensorProto {
  const head = { name: t.name, dims: t.dims.map(BigInt), dataType: dataTypeNumber(t.dtype) }
  const proto = create(TensorProtoSchema, head)
  if (t.unknown !== undefined) proto.$unknown = [...t.unknown]
  if (t.proto !== undefined) proto.stringData = t.proto.stringData
  else if (t.data !== undefined) {
    if (withData) proto.rawData = t.data
  } else if (t.external !== undefined) {
    proto.dataLocation = EXTERNAL
    proto.externalData = externalEntries(t.external).map(([key, value]) => ({
      $typeName: 'roomful.onnx.StringStringEntryProto',
      key,
      value,
    }))
  } else throw new GraphError('missing', `tensor ${t.name} has no data`)
  return proto
}

const externalEntries = (e: ExternalBytes): [string, string][] => [
  ['location', e.location],
  ['offset', String(e.offset)],
  ['length', String(e.length)],
]

function nodeProto(node: GraphNode) {
  const { name, op: opType, domain } = node
  const attribute = [...node.attributes].map(([key, value]) => attributeProto(key, value))
  const proto = create(NodeProtoSchema, { input: [...node.inputs], output: [...node.outputs], opType, attribute })
  if (name !== '') proto.name = name
  if (domain !== '') proto.domain = domain
  if (node.unknown !== undefined) proto.$unknown = [...node.unknown]
  return proto
}

/** Numbers at or beyond 2^63 stand for INT64_MAX ("to the end" in Slice), which a double cannot hold. */
const int64 = (value: number): bigint => {
  const big = BigInt(value)
  return big > INT64_MAX ? INT64_MAX : big
}

function attributeProto(name: string, a: Attribute): AttributeProto {
  if (a.kind === 'other') return a.proto
  const proto = create(AttributeProtoSchema, { name, type: ATTRIBUTE_TYPE[a.kind] })
  if (a.unknown !== undefined) proto.$unknown = [...a.unknown]
  if (a.kind === 'float') proto.f = a.value
  else if (a.kind === 'int') proto.i = int64(a.value)
  else if (a.kind === 'string') proto.s = text.encode(a.value)
  else if (a.kind === 'floats') proto.floats = [...a.value]
  else if (a.kind === 'ints') proto.ints = a.value.map(int64)
  else if (a.kind === 'strings') proto.strings = a.value.map((s) => text.encode(s))
  else proto.t = tensorProto(a.value, true)
  return proto
}

function valueInfoProto(info: ValueInfo): ValueInfoProto {
  if (info.proto !== undefined) return info.proto
  const proto = create(ValueInfoProtoSchema, { name: info.name })
  if (info.dtype === 'undefined') return proto
  const shape = info.shape?.map((dim) =>
    typeof dim === 'number' ? { dimValue: BigInt(dim) } : dim === '?' ? {} : { dimParam: dim },
  )
  return create(ValueInfoProtoSchema, {
    name: info.name,
    type: {
      tensorType: {
        elemType: dataTypeNumber(info.dtype),
        ...(shape === undefined ? {} : { shape: { dim: shape } }),
      },
    },
  })
}
