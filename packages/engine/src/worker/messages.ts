import { type Backend, fromWire, type WireError } from '@roomful/core'
import type { FeatureMaps } from '@roomful/tensor'
import { type EngineCounters, EngineError, type StageRun } from '../engine.ts'
import type { GraphOptimisation } from '../ort/runtime.ts'

/** What an engine worker is asked to host. Structured-cloneable. */
export interface HostedEngine {
  readonly backend: Backend
  readonly threads: number
  readonly optimisation: GraphOptimisation
}

/** Questions to an engine worker. */
export type EngineCalls = {
  open: { request: { engine: HostedEngine }; reply: { threads: number } }
  load: {
    request: { stage: Uint8Array; label: string }
    reply: { session: number; inputs: readonly string[]; outputs: readonly string[] }
  }
  run: { request: { session: number; inputs: FeatureMaps }; reply: StageRun }
  release: { request: { session: number }; reply: null }
  counters: { request: Record<string, never>; reply: EngineCounters }
}

const REASONS: readonly string[] = [
  'unsupported',
  'malformed',
  'memory',
  'lost',
  'shape',
  'disposed',
  'timeout',
  'unavailable',
] satisfies EngineError['reason'][]

/** The error a worker reported, as an EngineError again. */
export function engineErrorFromWire(wire: WireError): EngineError {
  const { reason, message, cause } = fromWire(wire)
  const known = REASONS.includes(reason) ? (reason as EngineError['reason']) : 'malformed'
  return new EngineError(known, message, cause === undefined ? undefined : { cause })
}
