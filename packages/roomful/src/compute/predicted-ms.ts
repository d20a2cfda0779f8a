import type { Backend, BackendSpeed } from '@roomful/core'

/** Time of `macs` multiply-accumulates on a backend by its measured speed alone; undefined where nothing was measured. */
export function predictedMs(speeds: readonly BackendSpeed[], macs: number, backend: Backend): number | undefined {
  const speed = speeds.find((each) => each.backend === backend)
  return speed === undefined ? undefined : speed.overheadMs + macs / (speed.gmacsPerSecond * 1e6)
}
