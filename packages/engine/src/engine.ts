import { type Backend, ReasonedError } from '@roomful/core'
import type { FeatureMaps } from '@roomful/tensor'
import type { ChainOptions, ChainRun, ChainStep } from './chain.ts'

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined
  /** For messages. */
  readonly label?: string
  readonly move?: boolean
}

/**
 * One backend in one Worker (or in the process, in Node). Owns a one-at-a-time queue: no two runs overlap. Sessions of
 * one engine share that queue.
 */
export interface InferenceEngine extends AsyncDisposable {
  readonly backend: Backend
  readonly threads: number
  /**
   * Builds a session for a sub-model: ONNX bytes with their weights inside (external weights are not resolved here).
   * `move`: the caller gives the bytes away, and an engine in a Worker takes their buffer instead of copying it.
   * @throws EngineError `unsupported` (an operator this backend lacks), `malformed`, `memory`, `lost`
   */
  load(stage: Uint8Array, options?: LoadOptions): Promise<StageSession>
  /**
   * Runs sessions of this engine one after the other where they are, without a way back in between; engines in this thread
   * have none (`runChain`). Abort rejects at once and acts at the end of the session under way.
   * @throws as `StageSession.run`
   */
  chain?(steps: readonly ChainStep[], maps: FeatureMaps, options?: ChainOptions): Promise<ChainRun>
  /** What the backend holds, for leak tests and the dashboard; absent on engines that do not count. */
  counters?(): Promise<EngineCounters>
  /** Ends with the reason when the backend is gone for good (device.lost, a crashed worker); never rejects. */
  readonly lost: Promise<EngineError>
}

/** Both are 0 once every session is disposed. */
export interface EngineCounters {
  readonly sessions: number
  /** Tensors that the backend has not given back. */
  readonly liveTensors: number
}

export interface StageRun {
  readonly outputs: FeatureMaps
  /** Time inside the backend, read-back included; queueing excluded. */
  readonly computeMs: number
  /** Time spent waiting for the engine's queue. */
  readonly queueMs: number
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  /** Inputs that are needed afterwards: all of them, or those named. Default none. */
  readonly keepInputs?: boolean | readonly string[]
  /** Outputs may be `HeldMap`s, where an engine has them: whoever asks for that releases them. */
  readonly hold?: boolean
}

export interface StageSession extends AsyncDisposable {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /**
   * Runs the stage. Input arrays may be transferred to the worker: the caller must not read them afterwards unless
   * `keepInputs` is set, or names it. Abort takes effect before the run starts or at its end (a run cannot be stopped inside);
   * the promise rejects with `signal.reason` at once either way.
   */
  run(inputs: FeatureMaps, options?: RunOptions): Promise<StageRun>
}

export class EngineError extends ReasonedError<
  'unsupported' | 'malformed' | 'memory' | 'lost' | 'shape' | 'disposed' | 'timeout' | 'unavailable'
> {
  override readonly name = 'EngineError'
}
