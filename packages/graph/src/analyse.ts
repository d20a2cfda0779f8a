import type { TensorName } from '@roomful/core'
import type { GraphAnalysis, NodeAnalysis, TensorInfo } from './analysis.ts'
import { byteLength, isIndexType } from './data-type.ts'
import { GraphError } from './error.ts'
import { elementCount } from './format/read-tensor.ts'
import { reads } from './format/topological.ts'
import type { GraphNode, ModelGraph, ValueInfo } from './model-graph.ts'
import { NodeContext } from './operators/context.ts'
import type { Operator, TensorType } from './operators/operator.ts'
import { operatorOf } from './operators/registry.ts'
import { MAX_FOLDED_ELEMENTS, smallValue } from './tensor-values.ts'

const known = new WeakMap<ModelGraph, GraphAnalysis>()

/**
 * Shapes, constants and costs of every node, in one pass; remembered per graph. Operators that are not known are listed,
 * and their outputs have the shape that the file annotates, or none.
 * @throws GraphError `shape` when shapes contradict each other or an input's size is open, `too-large`
 */
export function analyse(graph: ModelGraph): GraphAnalysis {
  const before = known.get(graph)
  if (before !== undefined) return before
  const analysis = new Analyser(graph).run()
  known.set(graph, analysis)
  return analysis
}

class Analyser {
  readonly #graph: ModelGraph
  readonly #tensors = new Map<TensorName, TensorInfo>()
  readonly #dynamic = new Set<TensorName>()
  readonly #derived = new Set<TensorName>()
  readonly #counted = new Set<TensorName>()
  readonly #unsupported: { node: string; op: string }[] = []

  constructor(graph: ModelGraph) {
    this.#graph = graph
  }

  run(): GraphAnalysis {
    const graph = this.#graph
    for (const t of graph.initialisers.values()) {
      const elements = elementCount(t.dims, `tensor ${t.name}`)
      this.#add(t.name, { dtype: t.dtype, shape: t.dims }, true, smallValue(t, elements))
    }
    for (const input of graph.inputs) {
      this.#dynamic.add(input.name)
      this.#add(input.name, { dtype: input.dtype, shape: boundShape(input) }, false)
    }
    const producers = new Map<TensorName, number>()
    const nodes = graph.nodes.map((node, index) => {
      for (const name of node.outputs) if (name !== '') producers.set(name, index)
      return this.#node(node)
    })
    const total = (cost: (node: NodeAnalysis) => number) => nodes.reduce((sum, node) => sum + cost(node), 0)
    return {
      graph,
      tensors: this.#tensors,
      dynamic: this.#dynamic,
      derived: this.#derived,
      producers,
      nodes,
      totals: {
        macs: total((n) => n.macs),
        parameters: total((n) => n.parameters),
        flops: total((n) => n.flops),
        activationBytes: total((n) => n.activationBytes),
      },
      unsupported: this.#unsupported,
    }
  }

  #node(node: GraphNode): NodeAnalysis {
    const operator = operatorOf(node)
    const c = new NodeContext(node, this.#graph.opsets.get(node.domain) ?? 1, (name) => this.#tensors.get(name))
    const outputs = operator === undefined ? this.#unknown(node) : this.#infer(node, operator, c)
    const readsShape = (node.op === 'Shape' || node.op === 'Size') && node.domain === '' && outputs !== undefined
    let dynamic = false
    let derived = false
    for (const name of reads(node)) {
      if (this.#dynamic.has(name)) {
        if (readsShape) derived = true
        else dynamic = true
      } else if (this.#derived.has(name)) derived = true
    }
    for (const name of node.outputs) {
      if (dynamic) this.#dynamic.add(name)
      else if (derived) this.#derived.add(name)
    }
    if (outputs === undefined) {
      for (const name of node.outputs) this.#annotated(name, !dynamic)
      return { node, kind: dynamic ? 'unknown' : 'constant', macs: 0, parameters: 0, flops: 0, activationBytes: 0 }
    }
    const elements = outputs.map((o, i) => elementCount(o.shape, `tensor ${node.outputs[i]}`))
    const folds = !dynamic && operator?.fold !== undefined && elements.every((count) => count <= MAX_FOLDED_ELEMENTS)
    const values = folds ? operator.fold?.(c, outputs) : undefined
    let activationBytes = 0
    for (const [i, name] of node.outputs.entries()) {
      const type = outputs[i]
      if (name === '' || type === undefined) continue
      const info = this.#add(name, type, !dynamic, values?.[i])
      activationBytes += info.bytes
    }
    if (!dynamic || operator === undefined) {
      return { node, kind: 'constant', macs: 0, parameters: 0, flops: 0, activationBytes: 0 }
    }
    const cost = operator.cost?.(c, outputs)
    return {
      node,
      kind: typeof operator.kind === 'function' ? operator.kind(c) : operator.kind,
      macs: cost?.macs ?? 0,
      parameters: this.#parameters(node, operator),
      flops: cost?.flops ?? (operator.kind === 'copy' ? 0 : elements.reduce((sum, count) => sum + count, 0)),
      activationBytes,
    }
  }

  /** The outputs' types, or undefined when an input's shape is not known or the shape depends on values. */
  #infer(node: GraphNode, operator: Operator, c: NodeContext): readonly TensorType[] | undefined {
    for (const name of node.inputs) if (name !== '' && !this.#tensors.has(name)) return undefined
    try {
      return operator.infer(c)
    } catch (error) {
      if (error instanceof GraphError && error.reason === 'unsupported') return this.#unknown(node)
      throw error
    }
  }

  #unknown(node: GraphNode): undefined {
    const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`
    this.#unsupported.push({ node: node.label, op })
  }

  #annotated(name: TensorName, constant: boolean): void {
    const info = this.#graph.annotations.get(name) ?? this.#graph.outputs.find((output) => output.name === name)
    if (info?.shape === undefined || info.dtype === 'undefined') return
    const shape = info.shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? 1 : -1))
    if (!shape.includes(-1)) this.#add(name, { dtype: info.dtype, shape }, constant)
  }

  #add(name: TensorName, { dtype, shape }: TensorType, constant: boolean, value?: readonly number[]): TensorInfo {
    const elements = elementCount(shape, `tensor ${name}`)
    const base = { name, dtype, shape, elements, bytes: byteLength(dtype, elements), constant }
    const info = value === undefined ? base : { ...base, value }
    this.#tensors.set(name, info)
    return info
  }

  /** Weights count where they are read first. */
  #parameters(node: GraphNode, operator: Operator): number {
    let parameters = 0
    for (const [i, name] of node.inputs.entries()) {
      const info = this.#tensors.get(name)
      if (info === undefined || !info.constant || isIndexType(info.dtype)) continue
      if (operator.settings?.includes(i) || this.#derived.has(name) || this.#counted.has(name)) continue
      this.#counted.add(name)
      parameters += info.elements
    }
    return parameters
  }
}

function boundShape(input: ValueInfo): readonly number[] {
  const open = () =>
    new GraphError('shape', `the input ${input.name} is [${input.shape ?? 'of unknown rank'}]: give its sizes`)
  if (input.shape === undefined) throw open()
  return input.shape.map((dim, axis) => {
    if (typeof dim === 'number') return dim
    if (axis === 0) return 1
    throw open()
  })
}
