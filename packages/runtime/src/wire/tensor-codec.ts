import { decodeFeature, encodeFeature } from '@roomful/tensor'
import type { FeatureCodec } from './feature-codec.ts'

/** The wire codec of packages/tensor on this thread. */
export const tensorCodec: FeatureCodec = {
  encode: (map, wire, { signal } = {}) => encodeFeature(map, wire, signal === undefined ? {} : { signal }),
  decode: (bytes, limits) => decodeFeature(bytes, limits),
}
