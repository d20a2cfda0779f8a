import { type BackendSpeed, systemClock, withDeadline } from '@roomful/core'
import { createStore, get, update } from 'idb-keyval'

/** What this device remembers between visits. Benchmarks are tied to what measured them. */
export interface Settings {
  readonly name?: string
  readonly lending?: boolean
  readonly speeds?: { readonly madeBy: string; readonly at: number; readonly backends: readonly BackendSpeed[] }
  /** What this device has learned of itself from requests (`OwnLearning`), as it was stored: to be checked when it is read. */
  readonly learned?: unknown
}

const KEY = 'settings'
/** Storage that does not answer within this time counts as refused: joining must not wait for it. */
const TIMEOUT_MS = 2_000

export interface SettingsStore {
  read(): Promise<Settings>
  write(change: Partial<Settings>): Promise<void>
}

/** In IndexedDB; where storage is refused or full it lasts as long as the page, and nothing fails. */
export function openSettings(): SettingsStore {
  let memory: Settings = {}
  let store: ReturnType<typeof createStore> | undefined
  try {
    store = createStore('roomful-settings', 'settings')
  } catch {
    store = undefined
  }
  return {
    async read() {
      try {
        memory = (store && (await inTime(get<Settings>(KEY, store)))) ?? memory
      } catch {
        store = undefined
      }
      return memory
    },
    async write(change) {
      memory = { ...memory, ...change }
      try {
        // On top of what is stored: other tabs of this browser write too.
        if (store) await inTime(update<Settings>(KEY, (stored) => ({ ...stored, ...change }), store))
      } catch {
        store = undefined
      }
    },
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  const onTimeout = () => new Error('storage did not answer')
  return withDeadline(work, { clock: systemClock, timeoutMs: TIMEOUT_MS, onTimeout })
}
