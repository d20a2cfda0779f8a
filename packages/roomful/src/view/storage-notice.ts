import type { SnapshotStore } from './store.ts'

/** Says once that storage has failed: that costs repeated work, and nothing else. */
export function storageNotice(store: SnapshotStore): (failures: number) => void {
  let told = false
  return (failures) => {
    if (told || failures === 0) return
    told = true
    store.say('info', 'Storage is full or refused here: answers are not kept on this device.')
  }
}
