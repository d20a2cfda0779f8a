import type { WireFormat } from '@roomful/core'
import type { FeatureLimits, FeatureMap } from '@roomful/tensor'

/** Questions to a codec worker. */
export type CodecCalls = {
  encode: { request: { map: FeatureMap; wire: WireFormat }; reply: Uint8Array }
  decode: { request: { bytes: Uint8Array; limits: FeatureLimits }; reply: FeatureMap }
}
