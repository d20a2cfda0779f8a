import type { Runtime } from '@roomful/runtime'
import type { PlanningDesk } from '../plan/planning-desk.ts'
import type { SnapshotStore } from '../view/store.ts'
import { watchPressure } from './pressure.ts'

export interface FollowPressureOptions {
  readonly runtime: Pick<Runtime, 'counts'>
  readonly store: SnapshotStore
  readonly desk: Pick<PlanningDesk, 'changed'>
  /** Tells the room the share of this device that others' programs take. */
  readonly update: (load: number) => void
}

/**
 * Keeps the load in this device's profile at what other programs take of its processor, by which every planner of the room
 * then stretches its times. Returns what must hear when this device begins and ends to practise: its own work of any kind
 * (requests, measurements, practice) does not count.
 */
export function followPressure(options: FollowPressureOptions, signal: AbortSignal): (practising: boolean) => void {
  const { runtime, store, desk, update } = options
  let practises = false
  const busy = () => {
    const { worker, coordinator } = runtime.counts
    return practises || store.snapshot.benchmark.running || worker.requests + coordinator.requests > 0
  }
  const onLoad = (load: number) => {
    update(load)
    desk.changed()
  }
  watchPressure({ busy, onLoad }, signal)
  return (practising) => {
    practises = practising
  }
}
