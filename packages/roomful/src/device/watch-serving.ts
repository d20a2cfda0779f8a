import type { Clock } from '@roomful/core'
import type { Runtime } from '@roomful/runtime'
import { storageNotice } from '../view/storage-notice.ts'
import type { SnapshotStore } from '../view/store.ts'
import type { WakeLock } from './wake-lock.ts'

const POLL_MS = 500

export interface ServingOptions {
  readonly runtime: Runtime
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly wakeLock: WakeLock
  /** Writes of the cache that failed so far. */
  readonly storageFailures: () => number
  /** Whether the screen must stay on for others. */
  readonly holdsAwake: () => boolean
}

/** Keeps the page's count of others' requests, the storage notice and the wake lock up to date. Returns an undo. */
export function watchServing({ runtime, store, clock, wakeLock, ...o }: ServingOptions): () => void {
  const tellOfStorage = storageNotice(store)
  const look = () => {
    const serving = runtime.counts.worker.foreign
    if (serving !== store.snapshot.serving) store.update({ serving })
    tellOfStorage(o.storageFailures())
    void wakeLock.hold(o.holdsAwake())
    cancel = clock.after(POLL_MS, look)
  }
  let cancel = clock.after(POLL_MS, look)
  return () => cancel()
}
