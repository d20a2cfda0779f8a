import type { TensorName } from '@roomful/core'
import type { Attribute, GraphNode, Initialiser } from '../model-graph.ts'
import { int64Bytes } from '../tensor-values.ts'

/** Changes to one node of a tile: other attributes, and inputs replaced by new constants or slices of constants. */
export class NodeEdit {
  readonly #attributes: Map<string, Attribute>
  readonly #inputs: TensorName[]
  readonly #node: GraphNode
  readonly #freshName: (hint: string) => TensorName
  readonly constants: Initialiser[] = []
  /** Constant inputs of which the tile needs a part: made by a Slice node before this one. */
  readonly slices: { readonly of: TensorName; readonly to: TensorName; axis: number; start: number; end: number }[] = []

  constructor(node: GraphNode, inputs: readonly TensorName[], freshName: (hint: string) => TensorName) {
    this.#node = node
    this.#attributes = new Map(node.attributes)
    this.#inputs = [...inputs]
    this.#freshName = freshName
  }

  ints(name: string, value: readonly number[]): void {
    this.#attributes.set(name, { kind: 'ints', value })
  }

  remove(name: string): void {
    this.#attributes.delete(name)
  }

  /** Input `index` becomes this one-dimensional int64 constant. */
  intsInput(index: number, value: readonly number[]): void {
    this.#set(index, { dtype: 'int64', dims: [value.length], data: int64Bytes(value) })
  }

  /** Input `index` becomes this one-dimensional float constant. */
  floatsInput(index: number, value: readonly number[]): void {
    const data = new Uint8Array(value.length * 4)
    const view = new DataView(data.buffer)
    for (const [i, v] of value.entries()) view.setFloat32(i * 4, v, true)
    this.#set(index, { dtype: 'float32', dims: [value.length], data })
  }

  /** The optional input `index` is left out. */
  noInput(index: number): void {
    if (index < this.#inputs.length) this.#inputs[index] = ''
    while (this.#inputs.at(-1) === '') this.#inputs.pop()
  }

  /** The constant input `index` becomes its indices [start, end) of `axis`. */
  sliceConstant(index: number, axis: number, start: number, end: number): void {
    const of = this.#inputs[index] ?? ''
    const to = this.#freshName(of)
    this.slices.push({ of, to, axis, start, end })
    this.#inputs[index] = to
  }

  /** The node with its changes and these outputs. */
  node(outputs: readonly TensorName[]): GraphNode {
    return { ...this.#node, inputs: this.#inputs, outputs, attributes: this.#attributes }
  }

  #set(index: number, tensor: Omit<Initialiser, 'name'>): void {
    const name = this.#freshName(`${this.#node.label}_input${index}`)
    while (this.#inputs.length <= index) this.#inputs.push('')
    this.#inputs[index] = name
    this.constants.push({ name, ...tensor })
  }
}
