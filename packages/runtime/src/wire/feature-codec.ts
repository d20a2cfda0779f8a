import type { WireFormat } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'

/** Bounds for a map from the network, known before it comes: its shape follows from the plan. */
export interface DecodeLimits {
  readonly maxElements: number
}

/** Feature maps to bytes and back. In browsers it may work in a Worker; bytes from the network are checked in `decode`. */
export interface FeatureCodec {
  encode(map: FeatureMap, wire: WireFormat): Promise<Uint8Array>
  /** @throws TensorError when the bytes are malformed or promise more than the limits */
  decode(bytes: Uint8Array, limits: DecodeLimits): Promise<FeatureMap>
}

/** How results and input tensors travel: exact. */
export const EXACT: WireFormat = { bits: 32, entropy: 'none' }
