import type { DeviceId } from '@roomful/core'

/** Something that may make another plan better. The planner is the caller's. */
export interface TopologyChange {
  readonly device: DeviceId
  readonly what: 'gone' | 'silent' | 'back' | 'away' | 'load' | 'dropped'
  readonly detail?: string
  /** With `load`: share of the device's time taken by others' requests, and how many wait there. */
  readonly load?: number
  readonly queued?: number
}
