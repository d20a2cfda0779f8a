import { isFieldSet } from '@bufbuild/protobuf'
import { byteLength, type DataType, dataTypeOf } from '../data-type.ts'
import { GraphError } from '../error.ts'
import { type TensorProto, TensorProtoSchema } from '../gen/onnx-subset_pb.ts'
import type { ExternalBytes, Initialiser } from '../model-graph.ts'
import { MAX_ELEMENTS, MAX_RANK } from './limits.ts'

const EXTERNAL = 1
const SEGMENT_FIELD = 3

export type ReadExternal = (location: string, offset: number, length: number) => Uint8Array

/** Elements of a tensor of these sizes. @throws GraphError for sizes below 0, not whole, or too many elements */
export function elementCount(dims: readonly number[], what: string): number {
  if (dims.length > MAX_RANK) throw new GraphError('too-large', `${what} has ${dims.length} dimensions`)
  let elements = 1
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw new GraphError('malformed', `${what} has a dimension of ${dim}`)
    elements *= dim
    if (elements > MAX_ELEMENTS) throw new GraphError('too-large', `${what} has more than ${MAX_ELEMENTS} elements`)
  }
  return elements
}

/**
 * A TensorProto as an initialiser: raw_data without a copy, the typed fields (float_data, int32_data...) packed.
 * @throws GraphError when the bytes do not fit the dimensions
 */
export function readTensor(proto: TensorProto, external: ReadExternal | undefined, name = proto.name): Initialiser {
  const what = `tensor ${name || '(unnamed)'}`
  const dtype = dataTypeOf(proto.dataType)
  if (dtype === undefined || dtype === 'undefined') {
    throw new GraphError('unsupported', `${what} has the element type ${proto.dataType}`)
  }
  if (proto.$unknown?.some((field) => field.no === SEGMENT_FIELD)) {
    throw new GraphError('unsupported', `${what} is stored in segments`)
  }
  const dims = proto.dims.map(Number)
  const elements = elementCount(dims, what)
  const unknown = proto.$unknown === undefined ? {} : { unknown: proto.$unknown }
  const base = { name, dtype, dims, ...unknown }
  if (proto.dataLocation === EXTERNAL) return { ...base, ...readExternal(proto, external, what, dtype, elements) }
  if (dtype === 'string') {
    if (proto.stringData.length !== elements) throw wrongLength(what, proto.stringData.length, elements)
    return { ...base, proto }
  }
  return { ...base, data: inlineData(proto, what, dtype, elements) }
}

const wrongLength = (what: string, found: number, wanted: number) =>
  new GraphError('malformed', `${what} has ${found} bytes or elements of data where its dimensions say ${wanted}`)

function inlineData(proto: TensorProto, what: string, dtype: DataType, elements: number): Uint8Array {
  const wanted = byteLength(dtype, elements)
  if (isFieldSet(proto, TensorProtoSchema.field.rawData)) {
    if (proto.rawData.length !== wanted) throw wrongLength(what, proto.rawData.length, wanted)
    return proto.rawData
  }
  const values = typedValues(proto, dtype)
  const perElement = dtype === 'int4' || dtype === 'uint4' || dtype === 'float4e2m1' ? 0.5 : 1
  if (values.length !== Math.ceil(elements * perElement)) throw wrongLength(what, values.length, elements)
  return pack(values, dtype, wanted)
}

function typedValues(proto: TensorProto, dtype: DataType): readonly number[] | readonly bigint[] {
  switch (dtype) {
    case 'float32':
      return proto.floatData
    case 'float64':
      return proto.doubleData
    case 'int64':
      return proto.int64Data
    case 'uint32':
    case 'uint64':
      return proto.uint64Data
    default:
      return proto.int32Data
  }
}

function pack(values: readonly number[] | readonly bigint[], dtype: DataType, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes)
  const view = new DataView(out.buffer)
  const size = values.length === 0 ? 0 : bytes / values.length
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0
    const at = i * size
    if (dtype === 'float32') view.setFloat32(at, Number(value), true)
    else if (dtype === 'float64') view.setFloat64(at, Number(value), true)
    else if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true)
    else if (size === 4) view.setUint32(at, Number(value) >>> 0, true)
    else if (size === 2) view.setUint16(at, Number(value) & 0xffff, true)
    else view.setUint8(at, Number(value) & 0xff)
  }
  return out
}

function readExternal(
  proto: TensorProto,
  read: ReadExternal | undefined,
  what: string,
  dtype: DataType,
  elements: number,
): { external: ExternalBytes; data?: Uint8Array } {
  const entries = new Map(proto.externalData.map((entry) => [entry.key, entry.value]))
  const location = entries.get('location') ?? ''
  const wanted = byteLength(dtype, elements)
  const offset = Number(entries.get('offset') ?? 0)
  const length = Number(entries.get('length') ?? wanted)
  if (location === '' || /^[/\\]|^[a-z]+:|(^|[/\\])\.\.([/\\]|$)/i.test(location)) {
    throw new GraphError('malformed', `${what} keeps its data at '${location}', which is not beside the model`)
  }
  if (!Number.isSafeInteger(offset) || offset < 0) throw new GraphError('malformed', `${what} has the offset ${offset}`)
  if (dtype === 'string' || length !== wanted) throw wrongLength(what, length, wanted)
  const external = { location, offset, length }
  if (read === undefined) return { external }
  const data = read(location, offset, length)
  if (data.length !== length) throw wrongLength(what, data.length, length)
  return { external, data }
}
