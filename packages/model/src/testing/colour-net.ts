import {
  type Attribute,
  type GraphNode,
  type Initialiser,
  type ModelGraph,
  readModel,
  writeModel,
} from '@roomful/graph'
import type { ModelMeta } from '../prepare/meta.ts'

/**
 * A small two-exit classifier for tests that needs no training: it answers with the colour channel that is brightest.
 *
 *   input [1,3,size,size] -> stem (3x3, stride 2, ReLU) -> block1 (residual) -> exit1: mean -> Gemm
 *                                                                           -> block2 (3x3, stride 2) -> mean -> Gemm: logits
 *
 * `exit1` only knows red from the rest, so the two classifiers differ.
 */
export function colourNet(size = 16): Uint8Array {
  const stem = conv('stem', 'input', 3, 4, 2, (out, into) => (out === into ? 1 : 0))
  const inner = conv('inner', 'stem', 4, 4, 1, () => 0)
  const block2 = conv('block2', 'block1', 4, 8, 2, (out, into) => (out === into ? 1 : 0))
  const exit1 = classifier('exit1', 'block1', 4, (label, channel) => (label === 0 ? ([4, -2, -2, 0][channel] ?? 0) : 0))
  const logits = classifier('logits', 'block2', 8, (label, channel) => (label === channel ? 20 : 0))
  const nodes = [
    ...stem.nodes,
    ...inner.nodes,
    node('Add', ['inner', 'stem'], 'sum'),
    node('Relu', ['sum'], 'block1'),
    ...exit1.nodes,
    ...block2.nodes,
    ...logits.nodes,
  ]
  const weights = [stem, inner, exit1, block2, logits].flatMap((part) => part.weights)
  const graph: ModelGraph = {
    ...emptyModel(),
    name: 'colours',
    inputs: [{ name: 'input', dtype: 'float32', shape: [1, 3, size, size] }],
    outputs: [
      { name: 'exit1', dtype: 'float32', shape: [1, 3] },
      { name: 'logits', dtype: 'float32', shape: [1, 3] },
    ],
    nodes,
    initialisers: new Map(weights.map((tensor) => [tensor.name, tensor])),
  }
  return writeModel(graph).model
}

/** A model that passes a non-negative map of `shape` through unchanged: half of a bottleneck that loses nothing. */
export function passThrough(shape: readonly number[], scale = 1): Uint8Array {
  const graph: ModelGraph = {
    ...emptyModel(),
    name: 'pass',
    inputs: [{ name: 'map', dtype: 'float32', shape }],
    outputs: [{ name: 'scaled', dtype: 'float32', shape }],
    nodes: [node('Mul', ['map', 'scale'], 'scaled')],
    initialisers: new Map([['scale', tensor('scale', [1], Float32Array.of(scale))]]),
  }
  return writeModel(graph).model
}

/** What the training pipeline would write beside `colourNet`. */
export const colourMeta: ModelMeta = {
  name: 'colours',
  version: 2,
  license: 'MIT',
  input: { tensor: 'input', mean: [0, 0, 0], std: [1, 1, 1], channels: 'RGB', layout: 'NCHW', resize: 'cover' },
  labels: ['red', 'green', 'blue'],
  exits: [{ name: 'exit1', from: 'block1', output: 'exit1', temperature: 1, threshold: 0.6 }],
  final: { output: 'logits', temperature: 1 },
  confidence: 'max-softmax',
}

interface Layer {
  readonly nodes: GraphNode[]
  readonly weights: Initialiser[]
}

/** A 3x3 convolution that only looks at its centre, and a ReLU; its result is named `name`. */
function conv(
  name: string,
  from: string,
  into: number,
  out: number,
  stride: number,
  weight: (o: number, i: number) => number,
): Layer {
  const values = new Float32Array(out * into * 9)
  for (let o = 0; o < out; o++) for (let i = 0; i < into; i++) values[(o * into + i) * 9 + 4] = weight(o, i)
  const ints = (value: number[]): Attribute => ({ kind: 'ints', value })
  const attributes = new Map([
    ['kernel_shape', ints([3, 3])],
    ['pads', ints([1, 1, 1, 1])],
    ['strides', ints([stride, stride])],
  ])
  return {
    nodes: [
      node('Conv', [from, `${name}.weight`, `${name}.bias`], `${name}.conv`, attributes),
      node('Relu', [`${name}.conv`], name),
    ],
    weights: [
      tensor(`${name}.weight`, [out, into, 3, 3], values),
      tensor(`${name}.bias`, [out], new Float32Array(out)),
    ],
  }
}

function classifier(
  name: string,
  from: string,
  channels: number,
  weight: (label: number, channel: number) => number,
): Layer {
  const values = Float32Array.from({ length: channels * 3 }, (_, i) => weight(i % 3, Math.floor(i / 3)))
  return {
    nodes: [
      node('GlobalAveragePool', [from], `${name}.mean`),
      node('Flatten', [`${name}.mean`], `${name}.flat`),
      node('Gemm', [`${name}.flat`, `${name}.weight`], name),
    ],
    weights: [tensor(`${name}.weight`, [channels, 3], values)],
  }
}

function node(
  op: string,
  inputs: string[],
  output: string,
  attributes: ReadonlyMap<string, Attribute> = new Map(),
): GraphNode {
  return { name: '', label: output, op, domain: '', inputs, outputs: [output], attributes, captures: [] }
}

function tensor(name: string, dims: number[], values: Float32Array): Initialiser {
  return { name, dtype: 'float32', dims, data: new Uint8Array(values.buffer) }
}

/** The fields of a model file around its graph, from the smallest file there is: y = Identity(x), opset 17, IR 8. */
function emptyModel(): ModelGraph {
  const text = (value: string) => [value.length, ...new TextEncoder().encode(value)]
  const field = (number: number, body: number[]) => [(number << 3) | 2, body.length, ...body]
  const value = (name: string) => [0x0a, ...text(name), ...field(2, field(1, [0x08, 0x01]))]
  const identity = [0x0a, ...text('x'), 0x12, ...text('y'), 0x22, ...text('Identity')]
  const graph = [...field(1, identity), 0x12, ...text('g'), ...field(11, value('x')), ...field(12, value('y'))]
  return readModel(Uint8Array.from([0x08, 0x08, ...field(7, graph), ...field(8, [0x10, 17])]))
}
