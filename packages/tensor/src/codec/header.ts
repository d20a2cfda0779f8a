import type { WireFormat } from '@roomful/core'
import { TensorError } from '../error.ts'
import { type DType, elementCount } from '../feature-map.ts'

/**
 * The fixed front of an encoded feature map, little-endian:
 *
 *     byte 0  magic 'f' 0x66        byte 4  bits 32 | 16 | 8 | 4
 *     byte 1  version 1             byte 5  entropy: 0 none, 1 raw deflate of the (byte-shuffled) payload
 *     byte 2  dtype                 byte 6  zeros: 0 in place, 1 suppressed (sparse.ts; not together with deflate)
 *     byte 3  rank, at most 8       byte 7  reserved, 0
 *     then rank x uint32 dims, then the quantisation parameters (float32 lo, step per channel), then the payload
 */
export interface FeatureHeader {
  readonly dtype: DType
  readonly dims: readonly number[]
  readonly bits: WireFormat['bits']
  readonly entropy: WireFormat['entropy']
  readonly sparse: boolean
}

export const FEATURE_VERSION = 1
const MAGIC = 0x66
const FIXED_BYTES = 8
const MAX_RANK = 8
const DTYPES: readonly DType[] = ['float32', 'float16', 'uint8', 'int8', 'int32', 'int64', 'bool']
const ENTROPIES: readonly WireFormat['entropy'][] = ['none', 'deflate']
const BITS: readonly number[] = [32, 16, 8, 4] satisfies WireFormat['bits'][]

export function headerBytes(rank: number): number {
  return FIXED_BYTES + rank * 4
}

export function writeHeader(header: FeatureHeader, out: Uint8Array): void {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  out[0] = MAGIC
  out[1] = FEATURE_VERSION
  out[2] = DTYPES.indexOf(header.dtype)
  out[3] = header.dims.length
  out[4] = header.bits
  out[5] = ENTROPIES.indexOf(header.entropy)
  out[6] = header.sparse ? 1 : 0
  for (const [axis, dim] of header.dims.entries()) view.setUint32(FIXED_BYTES + axis * 4, dim, true)
}

/** @throws TensorError `shape` for a map that the header cannot describe */
export function checkRank(dims: readonly number[]): void {
  if (dims.length > MAX_RANK) throw new TensorError('shape', `rank ${dims.length}: at most ${MAX_RANK} travels`)
}

/** @throws TensorError `malformed`; `too-large` when the map has more than `maxElements` elements */
export function readHeader(bytes: Uint8Array, maxElements: number): FeatureHeader {
  if (bytes.length < FIXED_BYTES || bytes[0] !== MAGIC) throw malformed('these bytes are no feature map')
  if (bytes[1] !== FEATURE_VERSION) {
    throw malformed(`feature map of version ${bytes[1]}; this side reads version ${FEATURE_VERSION}`)
  }
  const dtype = DTYPES[bytes[2] as number]
  const rank = bytes[3] as number
  const bits = bytes[4] as number
  const entropy = ENTROPIES[bytes[5] as number]
  const sparse = bytes[6] === 1
  const known = (sparse ? entropy === 'none' : bytes[6] === 0) && bytes[7] === 0
  if (dtype === undefined || entropy === undefined || !isBits(bits) || !known) {
    throw malformed('a feature map header with unknown fields')
  }
  if (rank > MAX_RANK || bytes.length < headerBytes(rank)) throw malformed(`a feature map header of rank ${rank}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const dims: number[] = []
  for (let axis = 0; axis < rank; axis++) dims.push(view.getUint32(FIXED_BYTES + axis * 4, true))
  // Dims that are 0 would let the others be anything: every dim counts as at least 1 against the bound.
  if (elementCount(dims.map((dim) => Math.max(1, dim))) > maxElements) {
    throw new TensorError('too-large', `a feature map of dims [${dims}]: at most ${maxElements} elements are taken`)
  }
  return { dtype, dims, bits, entropy, sparse }
}

function isBits(value: number): value is WireFormat['bits'] {
  return BITS.includes(value)
}

export function malformed(message: string, cause?: unknown): TensorError {
  return new TensorError('malformed', message, cause === undefined ? undefined : { cause })
}
