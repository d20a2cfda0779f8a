import type { Backend, Clock } from '@roomful/core'
import { wasmThreads } from './benchmark/available.ts'
import { EngineError, type InferenceEngine } from './engine.ts'
import type { GraphOptimisation } from './ort/runtime.ts'
import { spawnEngineWorker } from './worker/spawn.ts'
import { type EngineTimeouts, WorkerEngine } from './worker/worker-engine.ts'

export interface CreateEngineOptions {
  /**
   * Threads of `ort-wasm`; capped at the cores, and at 1 where the page is not cross-origin isolated. Default:
   * `wasmThreads()`, but what the benchmark found faster is better.
   */
  readonly threads?: number
  /** Rewriting of sub-models by ONNX Runtime. Default `all`. */
  readonly optimisation?: GraphOptimisation
  readonly clock?: Clock
  readonly timeouts?: Partial<EngineTimeouts>
  readonly signal?: AbortSignal
}

/**
 * An engine of the wanted backend in a Worker of its own. Nothing is downloaded for the backends that are not asked for.
 * @throws EngineError `unavailable` when this browser lacks the backend (or it is Node's), `timeout`, `lost`
 */
export function createEngine(backend: Backend, options: CreateEngineOptions = {}): Promise<InferenceEngine> {
  const { threads = wasmThreads(), optimisation = 'all' } = options
  if (backend === 'ort-node') {
    const error = new EngineError('unavailable', 'ort-node is made with createOrtNodeEngine of @roomful/engine/node')
    return Promise.reject(error)
  }
  return WorkerEngine.open(spawnEngineWorker(), { backend, threads, optimisation }, options)
}
