import type { WireFormat } from '@roomful/core'
import { allocate, bytesOf, checkFeatureMap, DTYPE_BYTES } from '../dtype.ts'
import { type DType, elementCount, type FeatureMap } from '../feature-map.ts'
import { fromHalf, toHalf } from '../half.ts'
import { channelLayout, codeBytes, dequantise, quantise } from '../quantise.ts'
import { deflate, inflate } from './deflate.ts'
import { checkRank, type FeatureHeader, headerBytes, malformed, readHeader, writeHeader } from './header.ts'
import { shuffleBytes, unshuffleBytes } from './shuffle.ts'
import { isSparseSize, restoreZeros, suppressZeros } from './sparse.ts'

/** What a receiver accepts; checked before anything is allocated. */
export interface FeatureLimits {
  /** Elements of the decoded map. Default 16 Mi (64 MiB of float32). */
  readonly maxElements?: number
}

const DEFAULT_MAX_ELEMENTS = 16 * 1024 * 1024

/** Payloads below this many bytes are not deflated: the stream's fixed cost exceeds what the link could gain. */
const MIN_DEFLATE_BYTES = 512

/** Below this many bytes there is nothing worth saving. */
const MIN_SPARSE_BYTES = 64

/** Deflate cannot shrink further than 1032:1; a header that announces more is a lie and gets no memory. */
const MAX_DEFLATE_RATIO = 1032

/** What follows the header. Parameters are never deflated. */
interface Packed {
  readonly header: FeatureHeader
  readonly parameters: Uint8Array
  readonly payload: Uint8Array
  /** Bytes per element of the payload, for the byte shuffle. */
  readonly elementBytes: number
}

/**
 * A feature map as self-describing bytes (see header.ts). `bits` is applied to float32 and float16 maps; other types
 * travel as they are. Zeros are suppressed where that pays; `deflate` is taken instead where it is asked for and smaller.
 * @throws TensorError `shape`, or `not-finite` at 8 and 4 bits; `signal.reason` when aborted
 */
export async function encodeFeature(
  map: FeatureMap,
  wire: WireFormat,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  options.signal?.throwIfAborted()
  const packed = pack(map, wire.bits)
  const plain = withoutZeros(packed)
  const deflates = wire.entropy === 'deflate' && typeof CompressionStream !== 'undefined'
  if (!deflates || packed.payload.length < MIN_DEFLATE_BYTES) return assemble(plain)
  const small = await deflate(shuffled(packed))
  options.signal?.throwIfAborted()
  if (small.length >= plain.payload.length) return assemble(plain)
  return assemble({ ...packed, header: { ...packed.header, entropy: 'deflate' }, payload: small })
}

/** `encodeFeature` without entropy coding, at once. */
export function encodeFeatureSync(map: FeatureMap, bits: WireFormat['bits']): Uint8Array<ArrayBuffer> {
  return assemble(withoutZeros(pack(map, bits)))
}

/** Elements whose bits are all zero are left out; see sparse.ts. Two 4-bit codes count as one element. */
function withoutZeros(packed: Packed): Packed {
  if (!isSparseSize(packed.elementBytes) || packed.payload.length < MIN_SPARSE_BYTES) return packed
  const payload = suppressZeros(packed.payload, packed.elementBytes)
  return payload === undefined ? packed : { ...packed, header: { ...packed.header, sparse: true }, payload }
}

/**
 * The feature map in `bytes`, in arrays of its own. Element type and dims are the sender's; a caller that expects
 * certain dims compares them.
 * @throws TensorError `malformed`, `too-large`
 */
export async function decodeFeature(bytes: Uint8Array, limits: FeatureLimits = {}): Promise<FeatureMap> {
  const header = readHeader(bytes, limits.maxElements ?? DEFAULT_MAX_ELEMENTS)
  if (header.entropy === 'none') return unpack(header, bytes, undefined)
  const sizes = bodySizes(header)
  const at = headerBytes(header.dims.length) + sizes.parameters
  if (bytes.length <= at) throw malformed('a feature map without its payload')
  if (sizes.payload > (bytes.length - at) * MAX_DEFLATE_RATIO) {
    throw malformed(`a feature map of ${bytes.length} bytes cannot hold ${sizes.payload}`)
  }
  const body = bytes.slice(at)
  const inflated = await inflate(body, sizes.payload)
  const payload = new Uint8Array(sizes.payload)
  if (sizes.elementBytes > 1) unshuffleBytes(inflated, sizes.elementBytes, payload)
  return unpack(header, bytes, sizes.elementBytes > 1 ? payload : inflated)
}

/**
 * `decodeFeature` for maps without entropy coding, at once.
 * @throws TensorError `malformed` (also when the map is deflated), `too-large`
 */
export function decodeFeatureSync(bytes: Uint8Array, limits: FeatureLimits = {}): FeatureMap {
  const header = readHeader(bytes, limits.maxElements ?? DEFAULT_MAX_ELEMENTS)
  if (header.entropy !== 'none') throw malformed('a deflated feature map needs decodeFeature')
  return unpack(header, bytes, undefined)
}

/** Bytes of an encoded map at most: what it takes dense and without entropy coding. */
export function encodedBytes(dtype: DType, dims: readonly number[], bits: WireFormat['bits']): number {
  const sizes = bodySizes({ dtype, dims, bits: effectiveBits(dtype, bits) })
  return headerBytes(dims.length) + sizes.parameters + sizes.payload
}

/** Bits that are applied to a map: integers travel raw, float16 never grows. */
function effectiveBits(dtype: DType, bits: WireFormat['bits']): WireFormat['bits'] {
  if (dtype === 'float32') return bits
  if (dtype === 'float16') return bits === 16 ? 32 : bits
  return 32
}

function pack(map: FeatureMap, wireBits: WireFormat['bits']): Packed {
  checkFeatureMap(map)
  checkRank(map.dims)
  const bits = effectiveBits(map.dtype, wireBits)
  const header: FeatureHeader = { dtype: map.dtype, dims: map.dims, bits, entropy: 'none', sparse: false }
  const none = new Uint8Array(0)
  if (bits === 32) {
    return { header, parameters: none, payload: bytesOf(map.data), elementBytes: DTYPE_BYTES[map.dtype] }
  }
  const values = float32Of(map)
  if (bits === 16) return { header, parameters: none, payload: bytesOf(toHalf(values)), elementBytes: 2 }
  const quantised = quantise(values, channelLayout(map.dims), bits)
  return { header, parameters: bytesOf(quantised.parameters), payload: quantised.codes, elementBytes: 1 }
}

function float32Of(map: FeatureMap): Float32Array {
  if (map.dtype === 'float32') return map.data as Float32Array
  return fromHalf(map.data as Uint16Array)
}

function shuffled(packed: Packed): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(packed.payload.length)
  if (packed.elementBytes === 1) out.set(packed.payload)
  else shuffleBytes(packed.payload, packed.elementBytes, out)
  return out
}

function assemble(packed: Packed): Uint8Array<ArrayBuffer> {
  const front = headerBytes(packed.header.dims.length)
  const body = front + packed.parameters.length
  const out = new Uint8Array(body + packed.payload.length)
  writeHeader(packed.header, out)
  out.set(packed.parameters, front)
  out.set(packed.payload, body)
  return out
}

/** Bytes of the parts behind the header, dense. */
interface BodySizes {
  readonly parameters: number
  readonly payload: number
  readonly elementBytes: number
}

function bodySizes(header: Pick<FeatureHeader, 'dtype' | 'dims' | 'bits'>): BodySizes {
  const { dtype, dims, bits } = header
  const count = elementCount(dims)
  if (bits === 32) return { parameters: 0, payload: count * DTYPE_BYTES[dtype], elementBytes: DTYPE_BYTES[dtype] }
  if (dtype !== 'float32' && dtype !== 'float16') throw malformed(`a map of ${dtype} at ${bits} bits`)
  if (bits === 16) return { parameters: 0, payload: count * 2, elementBytes: 2 }
  const { channels, size } = channelLayout(dims)
  return { parameters: channels * 8, payload: channels * codeBytes(size, bits), elementBytes: 1 }
}

/** `payload` when it does not lie in `bytes` itself. */
function unpack(header: FeatureHeader, bytes: Uint8Array, inflated: Uint8Array | undefined): FeatureMap {
  const sizes = bodySizes(header)
  const front = headerBytes(header.dims.length)
  const at = front + sizes.parameters
  if (bytes.length < at) throw malformed('a feature map without its parameters')
  const payload = inflated ?? dense(header, bytes.subarray(at), sizes)
  if (header.bits === 32) return { dtype: header.dtype, dims: header.dims, data: copyAs(header.dtype, payload) }
  if (header.bits === 16) {
    return { dtype: header.dtype, dims: header.dims, data: fromHalf(copyAs('float16', payload)) }
  }
  const parameters = copyAs('float32', bytes.subarray(front, at))
  if (!parameters.every(Number.isFinite))
    throw malformed('a feature map with quantisation parameters that are no numbers')
  const data = dequantise({ bits: header.bits, parameters, codes: payload }, channelLayout(header.dims))
  return { dtype: header.dtype, dims: header.dims, data: header.dtype === 'float16' ? toHalf(data) : data }
}

function dense(header: FeatureHeader, body: Uint8Array, sizes: BodySizes): Uint8Array {
  if (header.sparse) {
    if (!isSparseSize(sizes.elementBytes)) throw malformed(`a map of ${header.dtype} without its zeros`)
    return restoreZeros(body, sizes.payload / sizes.elementBytes, sizes.elementBytes)
  }
  if (body.length !== sizes.payload) {
    throw malformed(`a feature map of ${body.length} payload bytes where dims [${header.dims}] need ${sizes.payload}`)
  }
  return body
}

/** Bytes (at any alignment) as elements, copied. */
function copyAs<T extends DType>(dtype: T, bytes: Uint8Array): ReturnType<typeof allocate<T>> {
  const out = allocate(dtype, bytes.length / DTYPE_BYTES[dtype])
  bytesOf(out).set(bytes)
  return out
}
