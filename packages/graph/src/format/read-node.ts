import { fromBinary, isFieldSet } from '@bufbuild/protobuf'
import { GraphError } from '../error.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
} from '../gen/onnx-subset_pb.ts'
import type { Attribute, AttributeValue, GraphNode } from '../model-graph.ts'
import { MAX_SUBGRAPH_DEPTH } from './limits.ts'
import { type ReadExternal, readTensor } from './read-tensor.ts'

/** AttributeProto.AttributeType */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const

const text = new TextDecoder('utf-8', { fatal: true })

export function readNode(proto: NodeProto, external: ReadExternal | undefined): GraphNode {
  if (proto.opType === '') throw new GraphError('malformed', `node ${proto.name} has no operator`)
  const label = proto.name || proto.output.find((name) => name !== '') || proto.opType
  const attributes = new Map<string, Attribute>()
  const captures = new Set<string>()
  for (const attribute of proto.attribute) {
    if (attributes.has(attribute.name)) {
      throw new GraphError('malformed', `node ${label} has two attributes ${attribute.name}`, { node: label })
    }
    attributes.set(attribute.name, readAttribute(attribute, external))
    for (const body of attribute.g.length > 0 ? [attribute.g, ...attribute.graphs] : attribute.graphs) {
      for (const name of freeNames(body, 0)) captures.add(name)
    }
  }
  return {
    name: proto.name,
    label,
    op: proto.opType,
    domain: proto.domain === 'ai.onnx' ? '' : proto.domain,
    inputs: proto.input,
    outputs: proto.output,
    attributes,
    captures: [...captures],
    ...(proto.$unknown === undefined ? {} : { unknown: proto.$unknown }),
  }
}

function readAttribute(proto: AttributeProto, external: ReadExternal | undefined): Attribute {
  const value = attributeValue(proto, external)
  return proto.$unknown === undefined || value.kind === 'other' ? value : { ...value, unknown: proto.$unknown }
}

function attributeValue(proto: AttributeProto, external: ReadExternal | undefined): AttributeValue {
  const T = ATTRIBUTE_TYPE
  switch (proto.type || guessType(proto)) {
    case T.float:
      return { kind: 'float', value: proto.f }
    case T.int:
      return { kind: 'int', value: Number(proto.i) }
    case T.string:
      return decoded(proto, () => ({ kind: 'string', value: text.decode(proto.s) }))
    case T.tensor:
      if (proto.t === undefined) return { kind: 'other', proto }
      return { kind: 'tensor', value: readTensor(proto.t, external) }
    case T.floats:
      return { kind: 'floats', value: proto.floats }
    case T.ints:
      return { kind: 'ints', value: proto.ints.map(Number) }
    case T.strings:
      return decoded(proto, () => ({ kind: 'strings', value: proto.strings.map((s) => text.decode(s)) }))
    default:
      return { kind: 'other', proto }
  }
}

/** Text attributes that are not UTF-8 are carried as they are. */
function decoded(proto: AttributeProto, decode: () => AttributeValue): AttributeValue {
  try {
    return decode()
  } catch {
    return { kind: 'other', proto }
  }
}

/** Files of IR version 1 and 2 leave the type out. */
function guessType(proto: AttributeProto): number {
  const field = AttributeProtoSchema.field
  if (isFieldSet(proto, field.f)) return ATTRIBUTE_TYPE.float
  if (isFieldSet(proto, field.i)) return ATTRIBUTE_TYPE.int
  if (isFieldSet(proto, field.s)) return ATTRIBUTE_TYPE.string
  if (isFieldSet(proto, field.t)) return ATTRIBUTE_TYPE.tensor
  if (proto.floats.length > 0) return ATTRIBUTE_TYPE.floats
  if (proto.ints.length > 0) return ATTRIBUTE_TYPE.ints
  if (proto.strings.length > 0) return ATTRIBUTE_TYPE.strings
  return 0
}

/** Names that a sub-graph reads but does not make: they come from the graph around it. */
function freeNames(body: Uint8Array, depth: number): Set<string> {
  if (depth >= MAX_SUBGRAPH_DEPTH) throw new GraphError('too-large', 'sub-graphs are nested too deep')
  const graph: GraphProto = fromBinary(GraphProtoSchema, body)
  const free = new Set<string>()
  const made = new Set<string>()
  for (const { name } of graph.input) made.add(name)
  for (const { name } of graph.initializer) made.add(name)
  for (const node of graph.node) for (const name of node.output) made.add(name)
  for (const { name } of graph.output) free.add(name)
  for (const node of graph.node) {
    for (const name of node.input) free.add(name)
    for (const { g, graphs } of node.attribute) {
      for (const inner of g.length > 0 ? [g, ...graphs] : graphs) {
        for (const name of freeNames(inner, depth + 1)) free.add(name)
      }
    }
  }
  for (const name of made) free.delete(name)
  free.delete('')
  return free
}
