import type { Backend, WireError } from '@roomful/core'
import type { FeatureMaps } from '@roomful/tensor'
import type { EngineCounters, StageRun } from '../engine.ts'
import type { GraphOptimisation } from '../ort/runtime.ts'

/** What an engine worker is asked to host. Structured-cloneable. */
export interface HostedEngine {
  readonly backend: Backend
  readonly threads: number
  readonly optimisation: GraphOptimisation
}

/** Questions to an engine worker: kind -> request and reply. */
export interface EngineCalls {
  open: { request: { engine: HostedEngine }; reply: { threads: number } }
  load: {
    request: { stage: Uint8Array; label: string }
    reply: { session: number; inputs: readonly string[]; outputs: readonly string[] }
  }
  run: { request: { session: number; inputs: FeatureMaps }; reply: StageRun }
  release: { request: { session: number }; reply: null }
  counters: { request: Record<string, never>; reply: EngineCounters }
}
export type EngineCall = keyof EngineCalls

/** Replies are matched by id, never by order. */
export type ToEngineWorker = {
  [K in EngineCall]: { readonly id: number; readonly kind: K } & EngineCalls[K]['request']
}[EngineCall]

export type FromEngineWorker =
  | { readonly id: number; readonly ok: true; readonly reply: EngineCalls[EngineCall]['reply'] }
  | { readonly id: number; readonly ok: false; readonly error: WireError }
  | { readonly lost: WireError }
