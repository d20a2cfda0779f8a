import type { TensorName } from '@roomful/core'
import type { DataType } from './data-type.ts'
import type { GraphNode, ModelGraph } from './model-graph.ts'

/** Operator classes that a latency predictor tells apart. `constant` nodes depend on no input and cost nothing. */
export const OPERATOR_KINDS = [
  'conv',
  'depthwise',
  'gemm',
  'pool',
  'elementwise',
  'norm',
  'softmax',
  'reduce',
  'resize',
  'quantise',
  'copy',
  'constant',
  'unknown',
] as const
export type OperatorKind = (typeof OPERATOR_KINDS)[number]

/** What is known of a tensor. */
export interface TensorInfo {
  readonly name: TensorName
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly elements: number
  readonly bytes: number
  /** Depends on no graph input (weights, folded shapes). */
  readonly constant: boolean
  /** Elements of small constants that were folded; row-major. */
  readonly value?: readonly number[]
}

/** One node's cost. `flops` follow METHODS section 2; `macs` count multiply-accumulates without bias. */
export interface NodeAnalysis {
  readonly node: GraphNode
  readonly kind: OperatorKind
  readonly macs: number
  /** Elements of the constant weights that the node is the first to read. */
  readonly parameters: number
  readonly flops: number
  /** Bytes of the node's outputs. */
  readonly activationBytes: number
}

export interface GraphTotals {
  readonly macs: number
  readonly parameters: number
  readonly flops: number
  readonly activationBytes: number
}

export interface GraphAnalysis {
  readonly graph: ModelGraph
  /** Every tensor whose shape is known. */
  readonly tensors: ReadonlyMap<TensorName, TensorInfo>
  /** Tensors whose values depend on a graph input; all others are constants. */
  readonly dynamic: ReadonlySet<TensorName>
  /** Constants that were folded from the shape of a dynamic tensor: a sub-model carries their values. */
  readonly derived: ReadonlySet<TensorName>
  /** Index into `nodes` of the node that makes a tensor. */
  readonly producers: ReadonlyMap<TensorName, number>
  /** In the order of `graph.nodes`. */
  readonly nodes: readonly NodeAnalysis[]
  readonly totals: GraphTotals
  /** Nodes whose operator or shape is not known here; whatever follows them has a shape only where the file annotates one. */
  readonly unsupported: readonly { readonly node: string; readonly op: string }[]
}
