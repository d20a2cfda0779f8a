import type { FeatureMap } from '@roomful/tensor'

/**
 * A map that is still where the backend computed it, in the backend's own order: another session of the same engine takes it as it is,
 * without a way through this thread's memory. `data` reads it back when it is first looked at.
 */
export interface HeldMap extends FeatureMap {
  readonly held: true
  /** Lets the backend's memory go; `data` that has been read stays. */
  release(): void
}

export const isHeld = (map: FeatureMap | undefined): map is HeldMap => map !== undefined && 'held' in map

/** The map itself, or what a held one holds: for whoever sends it on or keeps it. */
export function readBack(map: FeatureMap): FeatureMap {
  if (!isHeld(map)) return map
  const { dtype, dims, data } = map
  return { dtype, dims, data }
}
