import { bytesOf, type DType, type FeatureMap } from '@roomful/tensor'
import { ProtobufWriter } from './protobuf.ts'

/** Attribute values by their JavaScript form; `{ float }` where a whole number is meant as a float. */
export type NetAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }

const ELEMENT_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
}

/**
 * Writes small ONNX models: the nets of the benchmark and of the tests. packages/graph writes models too, but a device is
 * measured before it has any model, and this needs none of that code. Field numbers: onnx.proto3 of the ONNX
 * specification, IR version 8, opset 17 unless told otherwise.
 */
export class NetWriter {
  readonly #graph = new ProtobufWriter().text(2, 'net')
  readonly #opset: number
  #count = 0

  constructor(opset = 17) {
    this.#opset = opset
  }

  input(name: string, dims: readonly number[], dtype: DType = 'float32'): string {
    this.#graph.message(11, valueInfo(name, dims, dtype))
    return name
  }

  /** `dims` may be left out: ONNX Runtime infers them. */
  output(name: string, dims?: readonly number[], dtype: DType = 'float32'): string {
    this.#graph.message(12, valueInfo(name, dims, dtype))
    return name
  }

  constant(map: FeatureMap, name = `c${this.#count++}`): string {
    const tensor = new ProtobufWriter()
    for (const dim of map.dims) tensor.int(1, dim)
    tensor.int(2, ELEMENT_TYPE[map.dtype]).text(8, name).bytes(9, bytesOf(map.data).slice())
    this.#graph.message(5, tensor)
    return name
  }

  floats(dims: readonly number[], values: ArrayLike<number>): string {
    return this.constant({ dtype: 'float32', dims, data: Float32Array.from(values) })
  }

  ints(values: readonly number[]): string {
    return this.constant({ dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) })
  }

  /** Adds a node and returns the name of its output; an input '' is one left out. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, NetAttribute>> = {},
    output = `t${this.#count++}`,
  ): string {
    const node = new ProtobufWriter()
    for (const name of inputs) node.text(1, name)
    node.text(2, output).text(3, `${op}_${output}`).text(4, op)
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value))
    this.#graph.message(1, node)
    return output
  }

  build(): Uint8Array {
    const opset = new ProtobufWriter().text(1, '').int(2, this.#opset)
    return new ProtobufWriter().int(1, 8).text(2, 'roomful').message(7, this.#graph).message(8, opset).finish()
  }
}

function valueInfo(name: string, dims: readonly number[] | undefined, dtype: DType): ProtobufWriter {
  const tensor = new ProtobufWriter().int(1, ELEMENT_TYPE[dtype])
  if (dims !== undefined) {
    const shape = new ProtobufWriter()
    for (const dim of dims) shape.message(1, new ProtobufWriter().int(1, dim))
    tensor.message(2, shape)
  }
  return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensor))
}

function attribute(name: string, value: NetAttribute): ProtobufWriter {
  const out = new ProtobufWriter().text(1, name)
  if (typeof value === 'string') return out.text(4, value).int(20, 3)
  if (typeof value === 'number')
    return Number.isInteger(value) ? out.int(3, value).int(20, 2) : out.float(2, value).int(20, 1)
  if ('float' in value) return out.float(2, value.float).int(20, 1)
  if ('floats' in value) {
    for (const item of value.floats) out.float(7, item)
    return out.int(20, 6)
  }
  for (const item of value) out.int(8, item)
  return out.int(20, 7)
}
