import { bytesOf, type DType, type DTypeData, type FeatureMap, type FeatureMaps } from '@roomful/tensor'

const VIEW: { readonly [T in DType]: (buffer: SharedArrayBuffer) => DTypeData[T] } = {
  float32: (buffer) => new Float32Array(buffer),
  float16: (buffer) => new Uint16Array(buffer),
  uint8: (buffer) => new Uint8Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  int32: (buffer) => new Int32Array(buffer),
  int64: (buffer) => new BigInt64Array(buffer),
  bool: (buffer) => new Uint8Array(buffer),
}

/**
 * The maps in shared memory where the page is cross-origin isolated, so that no thread they are handed to copies them again:
 * from one Worker over the page to another a map of 600 KB would be copied three times, beside two Workers on two cores. Nobody
 * writes into a feature map. Elsewhere the maps as they are.
 */
export function sharedMaps(maps: FeatureMaps): FeatureMaps {
  if (globalThis.crossOriginIsolated !== true) return maps
  return Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, shared(map)]))
}

function shared({ dtype, dims, data }: FeatureMap): FeatureMap {
  const buffer = new SharedArrayBuffer(data.byteLength)
  new Uint8Array(buffer).set(bytesOf(data))
  return { dtype, dims, data: VIEW[dtype](buffer) }
}
