import type { WireFormat } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'

/** Bounds for a map from the network, known before it comes: its shape follows from the plan. */
export interface DecodeLimits {
  readonly maxElements: number
}

export interface CodecOptions {
  readonly signal?: AbortSignal
  /** The input is needed afterwards; otherwise its buffer may be moved to a Worker. */
  readonly keep?: boolean
}

/**
 * Feature maps to bytes and back; `createFeatureCodec` of packages/engine is one that works in a Worker. Bytes from the
 * network are checked in `decode`.
 */
export interface FeatureCodec {
  encode(map: FeatureMap, wire: WireFormat, options?: CodecOptions): Promise<Uint8Array>
  /** @throws TensorError when the bytes are malformed or promise more than the limits */
  decode(bytes: Uint8Array, limits: DecodeLimits, options?: CodecOptions): Promise<FeatureMap>
}

/** How results and input tensors travel: exact. */
export const EXACT: WireFormat = { bits: 32, entropy: 'none' }
