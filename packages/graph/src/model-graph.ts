import type { TensorName } from '@roomful/core'
import type { DataType } from './data-type.ts'
import type { AttributeProto, ModelProto, TensorProto, ValueInfoProto } from './gen/onnx-subset_pb.ts'

/** Fields that the subset .proto does not declare, in wire form; written back untouched. */
export type UnknownFields = NonNullable<AttributeProto['$unknown']>

/** A size, or the name of a symbolic one ('batch_size'); '?' where the file says nothing. */
export type Dim = number | string

/** An input, output or annotated tensor. `shape` is absent when the file does not give a rank. */
export interface ValueInfo {
  readonly name: TensorName
  readonly dtype: DataType
  readonly shape?: readonly Dim[]
  /** The file's own entry, written back as it is. */
  readonly proto?: ValueInfoProto
}

/** Where an initialiser's bytes lie when they are not in the model file. */
export interface ExternalBytes {
  readonly location: string
  readonly offset: number
  readonly length: number
}

/**
 * A constant tensor of the file. `data` holds the elements packed, little-endian; it is absent while external weights are
 * not loaded (then `external` says where they are) and for strings (then `proto` carries them).
 */
export interface Initialiser {
  readonly name: TensorName
  readonly dtype: DataType
  readonly dims: readonly number[]
  readonly data?: Uint8Array
  readonly external?: ExternalBytes
  readonly proto?: TensorProto
  readonly unknown?: UnknownFields
}

/** One attribute of a node. `other` is carried untouched (sub-graphs, sparse tensors, types). */
export type Attribute = AttributeValue & { readonly unknown?: UnknownFields }

export type AttributeValue =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Initialiser }
  | { readonly kind: 'other'; readonly proto: AttributeProto }

export interface GraphNode {
  /** As in the file; may be empty. */
  readonly name: string
  /** For people: the name, or the first output when there is no name. */
  readonly label: string
  readonly op: string
  /** '' for ONNX's own operators ('ai.onnx' in the file becomes ''). */
  readonly domain: string
  /** '' where an optional input is left out. */
  readonly inputs: readonly TensorName[]
  readonly outputs: readonly TensorName[]
  readonly attributes: ReadonlyMap<string, Attribute>
  /** Outer tensors that the node's sub-graphs read. */
  readonly captures: readonly TensorName[]
  readonly unknown?: UnknownFields
}

/** An ONNX model: immutable, nodes in topological order. */
export interface ModelGraph {
  readonly name: string
  readonly irVersion: number
  /** Version of ONNX's own operator set. */
  readonly opset: number
  /** Versions of all operator sets by domain; '' is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>
  /** What must be fed; initialisers that the file also lists as inputs are not among them. */
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly nodes: readonly GraphNode[]
  readonly initialisers: ReadonlyMap<TensorName, Initialiser>
  /** The file's annotations of inner tensors; a hint where shapes cannot be inferred. */
  readonly annotations: ReadonlyMap<TensorName, ValueInfo>
  /** The file's model and graph fields beside the above (producer, metadata, functions, unknown ones). */
  readonly envelope: ModelProto
}
