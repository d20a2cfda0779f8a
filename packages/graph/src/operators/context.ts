import type { TensorName } from '@roomful/core'
import type { TensorInfo } from '../analysis.ts'
import type { DataType } from '../data-type.ts'
import { GraphError } from '../error.ts'
import type { Attribute, GraphNode } from '../model-graph.ts'
import type { RowLayout } from './operator.ts'

/** What an operator sees of one node: attributes and what is known of its inputs. */
export class NodeContext {
  readonly node: GraphNode
  /** Version of the operator set that the node's domain is read in. */
  readonly opset: number
  readonly #lookup: (name: TensorName) => TensorInfo | undefined

  constructor(node: GraphNode, opset: number, lookup: (name: TensorName) => TensorInfo | undefined) {
    this.node = node
    this.opset = opset
    this.#lookup = lookup
  }

  /** Whether the optional input is there. */
  has(input: number): boolean {
    return (this.node.inputs[input] ?? '') !== ''
  }

  get inputCount(): number {
    return this.node.inputs.length
  }

  input(input: number): TensorInfo {
    const name = this.node.inputs[input] ?? ''
    const info = name === '' ? undefined : this.#lookup(name)
    if (info === undefined) throw this.fail(`input ${input} is absent`)
    return info
  }

  shape(input: number): readonly number[] {
    return this.input(input).shape
  }

  dtype(input: number): DataType {
    return this.input(input).dtype
  }

  rank(input: number): number {
    return this.input(input).shape.length
  }

  /** Elements of a small constant input; undefined when absent, dynamic or large. */
  value(input: number): readonly number[] | undefined {
    return this.has(input) ? this.input(input).value : undefined
  }

  /** Elements of an input that the shape depends on. @throws GraphError `unsupported` when it is not constant */
  constant(input: number): readonly number[] {
    const { name, value } = this.input(input)
    if (value !== undefined) return value
    const { label, op } = this.node
    throw new GraphError('unsupported', `${op} node ${label}: its shape depends on the values of ${name}`, {
      node: label,
    })
  }

  /** A list that is an attribute in old operator sets and an input in newer ones. */
  list(attribute: string, input: number): readonly number[] | undefined {
    return this.ints(attribute) ?? (this.has(input) ? this.constant(input) : undefined)
  }

  int(name: string, otherwise: number): number {
    const attribute = this.#attribute(name, 'int')
    return attribute?.value ?? otherwise
  }

  float(name: string, otherwise: number): number {
    return this.#attribute(name, 'float')?.value ?? otherwise
  }

  ints(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'ints')?.value
  }

  string(name: string, otherwise: string): string {
    return this.#attribute(name, 'string')?.value ?? otherwise
  }

  /** An axis counted from the front. @throws GraphError `shape` when it is out of range */
  axis(axis: number, rank: number): number {
    const fromFront = axis < 0 ? axis + rank : axis
    if (!Number.isInteger(axis) || fromFront < 0 || fromFront >= Math.max(rank, 1)) {
      throw this.fail(`axis ${axis} of a tensor of rank ${rank}`)
    }
    return fromFront
  }

  fail(why: string): GraphError {
    const { label, op } = this.node
    return new GraphError('shape', `${op} node ${label}: ${why}`, { node: label })
  }

  #attribute<K extends Attribute['kind']>(name: string, kind: K): Extract<Attribute, { kind: K }> | undefined {
    const attribute = this.node.attributes.get(name)
    if (attribute === undefined) return undefined
    if (attribute.kind !== kind) throw this.fail(`attribute ${name} is ${attribute.kind}, not ${kind}`)
    return attribute as Extract<Attribute, { kind: K }>
  }
}

/** What a halo rule sees: besides, where the rows lie in the inputs, and the outputs' types. */
export class RowContext extends NodeContext {
  readonly outputs: readonly TensorInfo[]
  readonly #layout: (name: TensorName) => RowLayout | undefined

  constructor(
    node: GraphNode,
    opset: number,
    lookup: (name: TensorName) => TensorInfo | undefined,
    layout: (name: TensorName) => RowLayout | undefined,
    outputs: readonly TensorInfo[],
  ) {
    super(node, opset, lookup)
    this.#layout = layout
    this.outputs = outputs
  }

  /** Where the rows lie in an input of the volume; undefined for constants. */
  layout(input: number): RowLayout | undefined {
    return this.#layout(this.node.inputs[input] ?? '')
  }

  /** The layout of input 0, which most rules ask for. @throws GraphError `not-tileable` when it is a constant */
  get main(): RowLayout {
    const layout = this.layout(0)
    if (layout === undefined) {
      const { label } = this.node
      throw new GraphError('not-tileable', `node ${label} takes its rows from another input than the first`, {
        node: label,
      })
    }
    return layout
  }

  output(index = 0): TensorInfo {
    const info = this.outputs[index]
    if (info === undefined) throw this.fail(`output ${index} is absent`)
    return info
  }
}
