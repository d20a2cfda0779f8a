import { bytesOf, type FeatureMap, type FeatureMaps, viewOf } from '@roomful/tensor'

/**
 * The maps in shared memory where the page is cross-origin isolated, so that no thread they are handed to copies them again:
 * from one Worker over the page to another a map of 600 KB would be copied three times, beside two Workers on two cores. Nobody
 * writes into a feature map. Elsewhere the maps as they are.
 * @param memory by name: memory that is free to take a map of exactly its size
 */
export function sharedMaps(maps: FeatureMaps, memory: Readonly<Record<string, SharedArrayBuffer>> = {}): FeatureMaps {
  if (globalThis.crossOriginIsolated !== true) return maps
  return Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, shared(map, memory[name])]))
}

function shared({ dtype, dims, data }: FeatureMap, free: SharedArrayBuffer | undefined): FeatureMap {
  const buffer = free?.byteLength === data.byteLength ? free : new SharedArrayBuffer(data.byteLength)
  new Uint8Array(buffer).set(bytesOf(data))
  return { dtype, dims, data: viewOf(dtype, buffer) }
}
