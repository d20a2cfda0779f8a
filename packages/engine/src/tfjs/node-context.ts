import type { TensorName } from '@roomful/core'
import type { Attribute, GraphNode } from '@roomful/graph'
import * as tf from '@tensorflow/tfjs-core'
import { EngineError } from '../engine.ts'
import type { Constant } from './constants.ts'
import { toOnnx, toStored } from './layout.ts'

/** Tensors during a run, in stored layout. */
export type Env = (name: TensorName) => tf.Tensor

/** What a node does in a run; operators with several outputs give them in order. */
export type Kernel = (env: Env) => tf.Tensor | readonly tf.Tensor[]

/** Reads one node's operands. */
export type Operand = (env: Env) => tf.Tensor

/** Turns a node into a kernel when a model is loaded. @throws EngineError `unsupported` */
export type Lowering = (c: NodeContext) => Kernel

/** An activation that TensorFlow.js applies inside the convolution before it. */
export type FusedActivation = 'relu' | 'relu6' | undefined

/** What a program gives its nodes while it is built. */
export interface ProgramParts {
  readonly opset: number
  shape(name: TensorName): readonly number[] | undefined
  constant(name: TensorName): Constant | undefined
  /** Keeps a weight until the program is disposed. */
  keep(tensor: tf.Tensor): tf.Tensor
}

/** One node while it is lowered: attributes, static shapes, constants. */
export class NodeContext {
  readonly opset: number

  constructor(
    readonly node: GraphNode,
    private readonly parts: ProgramParts,
    readonly fused: FusedActivation,
  ) {
    this.opset = parts.opset
  }

  fail(why: string): never {
    throw new EngineError('unsupported', `TensorFlow.js: ${this.node.op} '${this.node.label}': ${why}`)
  }

  #attribute<K extends Attribute['kind']>(name: string, kind: K): Extract<Attribute, { kind: K }> | undefined {
    const attribute = this.node.attributes.get(name)
    if (attribute === undefined) return undefined
    if (attribute.kind !== kind) this.fail(`attribute ${name} is of kind ${attribute.kind}, not ${kind}`)
    return attribute as Extract<Attribute, { kind: K }>
  }

  int(name: string, otherwise: number): number {
    return this.#attribute(name, 'int')?.value ?? otherwise
  }

  float(name: string, otherwise: number): number {
    return this.#attribute(name, 'float')?.value ?? otherwise
  }

  text(name: string, otherwise: string): string {
    return this.#attribute(name, 'string')?.value ?? otherwise
  }

  ints(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'ints')?.value
  }

  floats(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'floats')?.value
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? '') !== ''
  }

  input(index: number): TensorName {
    const name = this.node.inputs[index] ?? ''
    return name === '' ? this.fail(`input ${index} is missing`) : name
  }

  /** The ONNX shape of an input. */
  shape(index: number): readonly number[] {
    return this.parts.shape(this.input(index)) ?? this.fail(`the shape of '${this.input(index)}' is not known`)
  }

  /** The ONNX shape of an output. */
  outputShape(index = 0): readonly number[] {
    const name = this.node.outputs[index] ?? ''
    return this.parts.shape(name) ?? this.fail(`the shape of '${name}' is not known`)
  }

  constant(index: number): Constant | undefined {
    return this.has(index) ? this.parts.constant(this.input(index)) : undefined
  }

  /** A constant input that the operator cannot do without. */
  weights(index: number): Constant {
    return this.constant(index) ?? this.fail(`input ${index} ('${this.input(index)}') must be a constant`)
  }

  /** A small constant input as numbers; undefined where it is left out. */
  numbers(index: number): readonly number[] | undefined {
    return this.has(index) ? Array.from(this.weights(index).values) : undefined
  }

  /** A constant tensor that lives as long as the program. */
  upload(values: Float32Array, shape: readonly number[]): tf.Tensor {
    return this.parts.keep(tf.tensor(values, [...shape], 'float32'))
  }

  /** Indices for a gather, living as long as the program. */
  indices(values: Int32Array): tf.Tensor1D {
    return this.parts.keep(tf.tensor1d(values, 'int32')) as tf.Tensor1D
  }

  /** Any input in stored layout. */
  value(index: number): Operand {
    const name = this.input(index)
    const constant = this.parts.constant(name)
    if (constant === undefined) return (env) => env(name)
    const tensor = this.parts.keep(tf.tidy(() => toStored(tf.tensor(constant.values, [...constant.dims], 'float32'))))
    return () => tensor
  }

  /** Any input as an operand of a broadcast to `rank`: leading ones added, in the layout of that rank. */
  operand(index: number, rank: number): Operand {
    const own = this.shape(index)
    if (own.length === rank || own.length === 0) return this.value(index)
    const expanded = [...new Array<number>(rank - own.length).fill(1), ...own]
    const widen = (x: tf.Tensor) => toStored(tf.reshape(toOnnx(x), expanded))
    const constant = this.constant(index)
    if (constant === undefined) {
      const name = this.input(index)
      return (env) => widen(env(name))
    }
    const tensor = this.parts.keep(tf.tidy(() => toStored(tf.tensor(constant.values, expanded, 'float32'))))
    return () => tensor
  }
}
