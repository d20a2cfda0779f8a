import type { Backend, Clock } from '@roomful/core'
import { EngineError, type InferenceEngine } from './engine.ts'
import type { GraphOptimisation } from './ort/runtime.ts'
import { spawnEngineWorker } from './worker/spawn.ts'
import { type EngineTimeouts, WorkerEngine } from './worker/worker-engine.ts'

export interface CreateEngineOptions {
  /**
   * Threads of `ort-wasm`; capped at the cores, and at 1 where the page is not cross-origin isolated. Default: half of
   * the logical cores, at most 4 (more of them lose to the page's own threads).
   */
  readonly threads?: number
  /** Rewriting of sub-models by ONNX Runtime. Default `all`. */
  readonly optimisation?: GraphOptimisation
  readonly clock?: Clock
  readonly timeouts?: Partial<EngineTimeouts>
  readonly signal?: AbortSignal
}

/** The thread count that `createEngine` takes by default. */
export function defaultThreads(): number {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 2
  return globalThis.crossOriginIsolated ? Math.max(1, Math.min(4, Math.ceil(cores / 2))) : 1
}

/**
 * An engine of the wanted backend in a Worker of its own. Nothing is downloaded for the backends that are not asked for.
 * @throws EngineError `unavailable` when this browser lacks the backend (or it is Node's), `timeout`, `lost`
 */
export function createEngine(backend: Backend, options: CreateEngineOptions = {}): Promise<InferenceEngine> {
  const { threads = defaultThreads(), optimisation = 'all' } = options
  if (backend === 'ort-node') {
    const error = new EngineError('unavailable', 'ort-node is made with createOrtNodeEngine of @roomful/engine/node')
    return Promise.reject(error)
  }
  return WorkerEngine.open(spawnEngineWorker(), { backend, threads, optimisation }, options)
}
