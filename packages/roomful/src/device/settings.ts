import type { BackendSpeed } from '@roomful/core'
import { createStore, get, set } from 'idb-keyval'

/** What this device remembers between visits. Benchmarks are tied to what measured them. */
export interface Settings {
  readonly name?: string
  readonly lending?: boolean
  readonly speeds?: { readonly madeBy: string; readonly at: number; readonly backends: readonly BackendSpeed[] }
}

const KEY = 'settings'

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
        memory = (store && (await get<Settings>(KEY, store))) ?? memory
      } catch {
        store = undefined
      }
      return memory
    },
    async write(change) {
      memory = { ...memory, ...change }
      try {
        if (store) await set(KEY, memory, store)
      } catch {
        store = undefined
      }
    },
  }
}
