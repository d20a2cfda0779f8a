import { type Backend, fromWire, type WireError } from '@roomful/core'
import type { FeatureMaps } from '@roomful/tensor'
import type { ChainPart, ChainRun, ChainStep } from '../chain.ts'
import { type EngineCounters, EngineError, type StageRun } from '../engine.ts'
import type { GraphOptimisation } from '../ort/runtime.ts'
import type { ChainTurn } from './stop-flag.ts'

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
  /** Told of as it goes on: a `ChainPart` whenever a tap is made. */
  chain: {
    request: {
      steps: readonly ChainStep<number>[]
      maps: FeatureMaps
      taps: readonly string[]
      /** Free for the taps of these names. */
      memory: Readonly<Record<string, SharedArrayBuffer>>
      /** Where memory can be shared: how it is told to stop. Else by a message, `stop`. */
      turn?: ChainTurn
    }
    reply: ChainRun
    progress: ChainPart
  }
  /** The chain under way, if any, ends with its session under way. */
  stop: { request: Record<string, never>; reply: null }
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
