import type { Range, TensorName } from '@roomful/core'
import type { GraphAnalysis, OperatorKind } from './analysis.ts'
import type { DataType } from './data-type.ts'
import { GraphError } from './error.ts'
import type { ExternalBytes, ModelGraph } from './model-graph.ts'

const soon = (): never => {
  throw new GraphError('unsupported', 'not built yet')
}

export interface ReadOptions {
  /** Bytes of external weights; without it the graph is read without them (`loadWeights` fills them in later). */
  readonly externalData?: (location: string, offset: number, length: number) => Uint8Array
  /** Sizes of the inputs, for symbolic dimensions; a symbolic first dimension is 1 without it. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>
}
export const readModel: (bytes: Uint8Array, o?: ReadOptions) => ModelGraph = soon

/** `location`: file name that the model gives for its weights. */
export interface WriteOptions {
  readonly external?: { readonly location: string }
}
export interface WrittenModel {
  readonly model: Uint8Array
  readonly weights?: Uint8Array
}
export const writeModel: (graph: ModelGraph, o?: WriteOptions) => WrittenModel = soon

/** The graph with its external weights filled in by `read`. */
export const loadWeights: (graph: ModelGraph, read: (range: ExternalBytes) => Uint8Array) => ModelGraph = soon
/** Byte ranges of external weights that the graph needs, coalesced, in order. */
export const weightRanges: (graph: ModelGraph) => ExternalBytes[] = soon

export const analyse: (graph: ModelGraph) => GraphAnalysis = soon

export interface PartitionPoint {
  readonly tensor: TensorName
  readonly shape: readonly number[]
  readonly dtype: DataType
  readonly bytes: number
  /** Multiply-accumulates of all nodes before the tensor. */
  readonly macsBefore: number
  readonly parametersBefore: number
}
export interface PartitionOptions {
  /** The output(s) to separate from the inputs; default the last one; 'all' for all of the graph's outputs. */
  readonly output?: TensorName
  readonly all?: boolean
}
export const partitionPoints: (analysis: GraphAnalysis, o?: PartitionOptions) => PartitionPoint[] = soon

type Names = TensorName | readonly TensorName[]
export const extract: (graph: ModelGraph, from: Names, to: Names) => ModelGraph = soon
export const compose: (a: ModelGraph, b: ModelGraph) => ModelGraph = soon

export const tile: (
  source: GraphAnalysis | ModelGraph,
  from: TensorName,
  to: TensorName,
  rows: Range,
) => { graph: ModelGraph; inputRows: Range } = soon

export interface TileNode {
  readonly node: string
  readonly kind: OperatorKind
  readonly rows: Range
  readonly macs: number
  /** Bytes of the rows that the node writes. */
  readonly bytes: number
}
export interface TileGeometry {
  readonly inputRows: Range
  readonly nodes: readonly TileNode[]
  readonly macs: number
}
export interface VolumeGeometry {
  readonly inputHeight: number
  readonly outputHeight: number
  rows(range: Range): TileGeometry
}
export const volumeGeometry: (analysis: GraphAnalysis, from: TensorName, to: TensorName) => VolumeGeometry = soon
export const tileGeometry: (analysis: GraphAnalysis, from: TensorName, to: TensorName, rows: Range) => TileGeometry =
  soon
export type Tileable = { readonly ok: true } | { readonly ok: false; readonly node: string; readonly why: string }
export const tileable: (analysis: GraphAnalysis, from: TensorName, to: TensorName) => Tileable = soon
