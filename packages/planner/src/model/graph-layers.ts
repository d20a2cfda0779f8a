import type { ElementwiseKind, LayerShape, TensorName } from '@roomful/core'
import type { GraphAnalysis, GraphNode, NodeAnalysis } from '@roomful/graph'

/** Operators that only rename a tensor. */
const FREE = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout', 'Shape', 'Size'])
/** Activations that ONNX Runtime computes inside the convolution before them. */
const FUSIBLE = new Set(['Relu', 'Clip', 'Sigmoid', 'Tanh', 'LeakyRelu', 'HardSigmoid'])
const KIND_OF_OPERATOR: Readonly<Record<string, ElementwiseKind>> = {
  Relu: 'activation',
  Clip: 'activation',
  PRelu: 'activation',
  LeakyRelu: 'activation',
  HardSwish: 'activation',
  HardSigmoid: 'activation',
  Sigmoid: 'function',
  Tanh: 'function',
  Exp: 'function',
  Log: 'function',
  Erf: 'function',
  Gelu: 'function',
  Elu: 'function',
  Selu: 'function',
  Softplus: 'function',
  Pow: 'function',
  LRN: 'normalise',
  InstanceNormalization: 'normalise',
  LayerNormalization: 'normalise',
}

/** What a tensor comes from, as far as ONNX Runtime may fuse what reads it. */
type Carrier = 'conv' | 'residual' | 'dense'

/**
 * The layers that ONNX Runtime makes of some nodes: what it fuses into the convolution before (BatchNormalization, a
 * constant scale or shift, the activation, the Add of a residual block) costs nothing or little apart. A node is fused
 * only with one among `nodes`: a cut between them keeps them apart.
 */
export class GraphLayers {
  readonly #analysis: GraphAnalysis
  readonly #order = new Map<NodeAnalysis, number>()
  readonly #readers = new Map<TensorName, number>()

  constructor(analysis: GraphAnalysis) {
    this.#analysis = analysis
    for (const [index, entry] of analysis.nodes.entries()) {
      this.#order.set(entry, index)
      for (const name of [...entry.node.inputs, ...entry.node.captures]) this.#count(name)
    }
    for (const { name } of analysis.graph.outputs) this.#count(name)
  }

  /** By node; nodes that cost nothing are left out. */
  of(nodes: readonly NodeAnalysis[]): Map<NodeAnalysis, LayerShape> {
    const carriers = new Map<TensorName, Carrier>()
    const layers = new Map<NodeAnalysis, LayerShape>()
    const sorted = [...nodes].sort((a, b) => (this.#order.get(a) ?? 0) - (this.#order.get(b) ?? 0))
    for (const entry of sorted) {
      const layer = this.#layer(entry, carriers)
      if (layer !== undefined) layers.set(entry, layer)
    }
    return layers
  }

  #layer(entry: NodeAnalysis, carriers: Map<TensorName, Carrier>): LayerShape | undefined {
    const { node, kind } = entry
    const output = node.outputs[0] ?? ''
    const elements = this.#elements(output)
    if (kind === 'constant' || FREE.has(node.op)) return undefined
    if (kind === 'conv' || kind === 'depthwise') {
      carriers.set(output, 'conv')
      return this.#conv(entry)
    }
    if (kind === 'gemm') {
      carriers.set(output, 'dense')
      return { kind: 'dense', inputs: entry.macs / Math.max(1, elements), outputs: elements }
    }
    if (kind === 'pool') return this.#pool(node, elements)
    if (kind === 'reduce') return { kind: 'pool', taps: 1, stride: 0, elements: this.#elements(node.inputs[0] ?? '') }
    if (kind === 'softmax') return { kind: 'normalise', elements }
    if (kind === 'resize') return { kind: 'function', elements }
    if (kind === 'copy') return { kind: 'copy', elements }
    return this.#elementwise(node, output, elements, carriers)
  }

  #elementwise(
    node: GraphNode,
    output: TensorName,
    elements: number,
    carriers: Map<TensorName, Carrier>,
  ): LayerShape | undefined {
    const variable = node.inputs.filter((name) => name !== '' && this.#analysis.tensors.get(name)?.constant !== true)
    const carrierOf = (name: TensorName | undefined) =>
      name !== undefined && this.#readers.get(name) === 1 ? carriers.get(name) : undefined
    const carrier = carrierOf(variable[0])
    const folded = node.op === 'BatchNormalization' || node.op === 'Add' || node.op === 'Mul'
    if (folded && variable.length === 1 && (carrier === 'conv' || (carrier === 'dense' && node.op === 'Add'))) {
      carriers.set(output, carrier)
      return undefined
    }
    if (node.op === 'Add' && variable.some((name) => carrierOf(name) === 'conv')) {
      carriers.set(output, 'residual')
      return { kind: 'fused', elements }
    }
    const kind = KIND_OF_OPERATOR[node.op] ?? 'arithmetic'
    if (FUSIBLE.has(node.op) && carrier !== undefined) {
      if (node.op === 'Relu') return undefined
      return { kind: kind === 'function' ? kind : 'fused', elements }
    }
    return { kind, elements }
  }

  #conv({ node, macs }: NodeAnalysis): LayerShape {
    const [, outputChannels = 1, rows = 1, columns = 1] = this.#shape(node.outputs[0])
    const [, inputChannels = 1] = this.#shape(node.inputs[0])
    const groups = Math.max(1, numberOf(node, 'group') ?? 1)
    // From the work, so that it holds for every convolution, whatever its weights' layout.
    const depth = macs / Math.max(1, outputChannels * rows * columns)
    const stride = Math.max(1, ...intsOf(node, 'strides'))
    const taps = (depth * groups) / inputChannels
    return { kind: 'conv', inputChannels, outputChannels, groups, taps, stride, rows, columns }
  }

  #pool(node: GraphNode, elements: number): LayerShape {
    const window = intsOf(node, 'kernel_shape')
    if (window.length === 0) {
      return { kind: 'pool', taps: 1, stride: 0, elements: this.#elements(node.inputs[0] ?? '') }
    }
    const taps = window.reduce((product, size) => product * size, 1)
    return { kind: 'pool', taps, stride: Math.max(1, ...intsOf(node, 'strides')), elements }
  }

  #shape(name: TensorName | undefined): readonly number[] {
    return (name === undefined ? undefined : this.#analysis.tensors.get(name)?.shape) ?? []
  }

  #elements(name: TensorName): number {
    return this.#analysis.tensors.get(name)?.elements ?? 0
  }

  #count(name: TensorName): void {
    this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1)
  }
}

function intsOf(node: GraphNode, name: string): readonly number[] {
  const value = node.attributes.get(name)
  return value?.kind === 'ints' ? value.value.map(Number) : []
}

function numberOf(node: GraphNode, name: string): number | undefined {
  const value = node.attributes.get(name)
  return value?.kind === 'int' ? Number(value.value) : undefined
}
