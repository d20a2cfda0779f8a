import type { Range } from '@roomful/core'
import type { OperatorKind } from '../analysis.ts'
import type { DataType } from '../data-type.ts'
import type { NodeContext, RowContext } from './context.ts'
import type { NodeEdit } from './node-edit.ts'

/** An inferred output. */
export interface TensorType {
  readonly dtype: DataType
  readonly shape: readonly number[]
}

/** Elements of a folded output, row-major; undefined when it cannot be folded. */
export type Folded = readonly number[] | undefined

export interface Cost {
  /** Multiply-accumulates; 0 by default. */
  readonly macs?: number
  /** METHODS section 2; default one per output element (the activation form). */
  readonly flops?: number
}

/**
 * Where the rows of a feature map lie in a tensor: row r is the indices [r*unit, (r+1)*unit) of `axis`, for r below
 * `height`. A feature map NCHW has axis 2 and unit 1; reshaped to N,C,H*W it has axis 2 and unit W.
 */
export interface RowLayout {
  readonly axis: number
  readonly unit: number
  readonly height: number
}

/**
 * How a node's output rows depend on input rows. All inputs that carry rows share `need`; it is clipped to rows that
 * exist and grows with its argument.
 */
export interface RowPlan {
  readonly outputs: readonly RowLayout[]
  need(produced: Range): Range
  /** The rows that the rewritten node computes when `wanted` are asked for (default: those); the rest is sliced off. */
  produced?(wanted: Range): Range
  /** Changes the node so that it makes the rows `produced` from the rows `need(produced)`. */
  rewrite?(edit: NodeEdit, produced: Range): void
}

/** The node mixes rows: no volume that contains it can be tiled. */
export interface Refusal {
  readonly why: string
}

/** One ONNX operator: its shape, cost and halo rule. */
export interface Operator {
  readonly op: string
  /** Default '': ONNX's own. */
  readonly domain?: string
  readonly kind: OperatorKind | ((c: NodeContext) => OperatorKind)
  /** One type per output. @throws GraphError `shape` */
  infer(c: NodeContext): readonly TensorType[]
  /** Values of the outputs from the values of small constant inputs. */
  fold?(c: NodeContext, outputs: readonly TensorType[]): readonly Folded[]
  cost?(c: NodeContext, outputs: readonly TensorType[]): Cost
  /** Inputs that are settings, never weights (bounds, axes, scales). */
  readonly settings?: readonly number[]
  /** Absent: the operator cannot be tiled. */
  rows?(c: RowContext): RowPlan | Refusal
}

export const refuse = (why: string): Refusal => ({ why })

export const isRefusal = (plan: RowPlan | Refusal): plan is Refusal => 'why' in plan

const same = (rows: Range): Range => rows

/** Output row r needs input row r and nothing else. */
export const rowwise = (outputs: readonly RowLayout[], rewrite?: RowPlan['rewrite']): RowPlan =>
  rewrite === undefined ? { outputs, need: same } : { outputs, need: same, rewrite }
