import { create } from '@bufbuild/protobuf'
import { gaussian, type Random, seededRandom, type TensorName } from '@roomful/core'
import { analyse } from '../analyse.ts'
import type { DataType } from '../data-type.ts'
import { GraphError } from '../error.ts'
import { readModel } from '../format/read-model.ts'
import { writeModel } from '../format/write-model.ts'
import { ModelProtoSchema } from '../gen/onnx-subset_pb.ts'
import type { Attribute, Dim, GraphNode, Initialiser, ModelGraph, ValueInfo } from '../model-graph.ts'
import { initialiserOf } from '../tensor-values.ts'

/** An attribute as its bare value: whole numbers are ints; floats are wrapped, because 1 may be either. */
export type AttributeLiteral =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: Initialiser }

export interface BuilderOptions {
  /** Default 13. */
  readonly opset?: number
  /** Seed of the weights; default 1. */
  readonly seed?: number
  /** Weights as ConstantOfShape nodes without data, as in ONNX's "light" models. */
  readonly light?: boolean
}

export interface ConvOptions {
  readonly out: number
  /** Rows and columns, or one number for both. */
  readonly kernel: number | readonly [number, number]
  readonly stride?: number
  readonly dilation?: number
  readonly group?: number
  /** Top, left, bottom, right, or one number for all; default half the kernel's extent ("same"). */
  readonly pads?: number | readonly [number, number, number, number]
  readonly bias?: boolean
  readonly autoPad?: string
}

const pair = (value: number | readonly [number, number]) => (typeof value === 'number' ? [value, value] : [...value])

/**
 * Makes ONNX graphs by code, for tests: every method adds a node and gives the name of its output. Weights are seeded
 * normal samples, scaled so that activations keep their size through many layers.
 */
export class NetBuilder {
  readonly opset: number
  readonly random: Random
  readonly #light: boolean
  readonly #inputs: ValueInfo[] = []
  readonly #outputs: TensorName[] = []
  readonly #nodes: GraphNode[] = []
  readonly #initialisers = new Map<TensorName, Initialiser>()
  #count = 0

  constructor(o: BuilderOptions = {}) {
    this.opset = o.opset ?? 13
    this.random = seededRandom(o.seed ?? 1)
    this.#light = o.light ?? false
  }

  input(name: TensorName, shape: readonly Dim[], dtype: DataType = 'float32'): TensorName {
    this.#inputs.push({ name, dtype, shape })
    return name
  }

  output(...names: readonly TensorName[]): this {
    this.#outputs.push(...names)
    return this
  }

  /** A float weight of normal samples times `scale`, plus `mean`. */
  weight(shape: readonly number[], scale = 1, mean = 0): TensorName {
    if (this.#light) return this.op('ConstantOfShape', [this.ints(shape)])
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => mean + scale * gaussian(this.random))
    return this.constant('float32', shape, values)
  }

  /** Whole numbers as a one-dimensional int64 initialiser. */
  ints(values: readonly number[]): TensorName {
    return this.constant('int64', [values.length], values)
  }

  constant(dtype: DataType, shape: readonly number[], values: readonly number[], name = this.#name('w')): TensorName {
    const tensor = initialiserOf(name, dtype, shape, values)
    if (tensor === undefined) throw new GraphError('unsupported', `constants of type ${dtype}`)
    this.#initialisers.set(name, tensor)
    return name
  }

  /** Any node with one output. */
  op(
    op: string,
    inputs: readonly TensorName[],
    attributes: Readonly<Record<string, AttributeLiteral>> = {},
  ): TensorName {
    return this.ops(op, inputs, 1, attributes)[0] ?? ''
  }

  /** Any node; `outputs` tells how many. */
  ops(
    op: string,
    inputs: readonly TensorName[],
    outputs: number,
    attributes: Readonly<Record<string, AttributeLiteral>> = {},
    domain = '',
  ): TensorName[] {
    const name = this.#name(op.toLowerCase())
    const made = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}_${i}`))
    this.#nodes.push({
      name: `${op}_${this.#nodes.length}`,
      label: `${op}_${this.#nodes.length}`,
      op,
      domain,
      inputs,
      outputs: made,
      attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, attribute(value)])),
      captures: [],
    })
    return made
  }

  conv(x: TensorName, o: ConvOptions): TensorName {
    const [kh = 1, kw = 1] = pair(o.kernel)
    const { group = 1, stride = 1, dilation = 1 } = o
    const channels = this.shape(x)[1] ?? 1
    const fan = (channels / group) * kh * kw
    const w = this.weight([o.out, channels / group, kh, kw], Math.sqrt(2 / fan))
    const half = (k: number) => Math.floor(((k - 1) * dilation) / 2)
    const pads = typeof o.pads === 'number' ? [o.pads, o.pads, o.pads, o.pads] : o.pads
    return this.op('Conv', o.bias === false ? [x, w] : [x, w, this.weight([o.out], 0.1)], {
      kernel_shape: [kh, kw],
      strides: [stride, stride],
      dilations: [dilation, dilation],
      group,
      ...(o.autoPad === undefined
        ? { pads: pads ?? [half(kh), half(kw), half(kh), half(kw)] }
        : { auto_pad: o.autoPad }),
    })
  }

  relu(x: TensorName): TensorName {
    return this.op('Relu', [x])
  }

  add(a: TensorName, b: TensorName): TensorName {
    return this.op('Add', [a, b])
  }

  concat(inputs: readonly TensorName[], axis = 1): TensorName {
    return this.op('Concat', inputs, { axis })
  }

  maxPool(x: TensorName, kernel: number, stride = kernel, pads = 0): TensorName {
    return this.#pool('MaxPool', x, kernel, stride, pads)
  }

  averagePool(x: TensorName, kernel: number, stride = kernel, pads = 0): TensorName {
    return this.#pool('AveragePool', x, kernel, stride, pads)
  }

  batchNorm(x: TensorName): TensorName {
    const c = [this.shape(x)[1] ?? 1]
    const positive = this.constant(
      'float32',
      c,
      Array.from({ length: c[0] ?? 1 }, () => 0.5 + this.random.next()),
    )
    return this.op('BatchNormalization', [
      x,
      this.weight(c, 0.2, 1),
      this.weight(c, 0.2),
      this.weight(c, 0.2),
      positive,
    ])
  }

  globalAveragePool(x: TensorName): TensorName {
    return this.op('GlobalAveragePool', [x])
  }

  reshape(x: TensorName, shape: readonly number[]): TensorName {
    return this.op('Reshape', [x, this.ints(shape)])
  }

  /** Fully connected: [1, n] to [1, out]. */
  gemm(x: TensorName, out: number): TensorName {
    const fan = this.shape(x)[1] ?? 1
    return this.op('Gemm', [x, this.weight([out, fan], Math.sqrt(1 / fan)), this.weight([out], 0.1)], { transB: 1 })
  }

  /** The net as it is now; calling it takes back whatever was added since. */
  mark(): () => void {
    const nodes = this.#nodes.length
    const weights = new Set(this.#initialisers.keys())
    return () => {
      this.#nodes.length = nodes
      for (const name of this.#initialisers.keys()) if (!weights.has(name)) this.#initialisers.delete(name)
    }
  }

  /** The inferred shape of a tensor made so far. */
  shape(name: TensorName): readonly number[] {
    const graph = { ...this.#model(), outputs: [{ name, dtype: 'undefined' as const }] }
    const shape = analyse(graph).tensors.get(name)?.shape
    if (shape === undefined) throw new GraphError('shape', `the shape of ${name} is not known`)
    return shape
  }

  /** The graph as it would be read from its file. */
  graph(): ModelGraph {
    return readModel(this.bytes())
  }

  /** The ONNX file. */
  bytes(): Uint8Array {
    const { tensors } = analyse(this.#model())
    const outputs = this.#outputs.map((name): ValueInfo => {
      const info = tensors.get(name)
      return info === undefined ? { name, dtype: 'float32' } : { name, dtype: info.dtype, shape: info.shape }
    })
    return writeModel({ ...this.#model(), outputs }).model
  }

  #model(): ModelGraph {
    return {
      name: 'net',
      irVersion: 8,
      opset: this.opset,
      opsets: new Map([
        ['', this.opset],
        ...this.#nodes.flatMap(({ domain }) => (domain === '' ? [] : [[domain, 1] as const])),
      ]),
      inputs: [...this.#inputs],
      outputs: [],
      nodes: [...this.#nodes],
      initialisers: new Map(this.#initialisers),
      annotations: new Map(),
      envelope: create(ModelProtoSchema, { producerName: 'roomful-testing', graph: {} }),
    }
  }

  #pool(op: string, x: TensorName, kernel: number, stride: number, pads: number): TensorName {
    return this.op(op, [x], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pads, pads, pads, pads],
    })
  }

  #name(hint: string): TensorName {
    this.#count += 1
    return `${hint}${this.#count}`
  }
}

function attribute(value: AttributeLiteral): Attribute {
  if (typeof value === 'number') return { kind: 'int', value }
  if (typeof value === 'string') return { kind: 'string', value }
  if (!('length' in value)) {
    if ('float' in value) return { kind: 'float', value: value.float }
    if ('floats' in value) return { kind: 'floats', value: value.floats }
    return { kind: 'tensor', value: value.tensor }
  }
  return { kind: 'ints', value }
}
