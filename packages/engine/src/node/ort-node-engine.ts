import * as ort from 'onnxruntime-node'
import type { InferenceEngine } from '../engine.ts'
import { OrtEngine } from '../ort/ort-engine.ts'
import type { GraphOptimisation } from '../ort/runtime.ts'

export interface OrtNodeOptions {
  /** CPU threads of one run. Default 1: tests and evaluation run several processes. */
  readonly threads?: number
  /** Default `all`. */
  readonly optimisation?: GraphOptimisation
}

/** onnxruntime-node in this process; a run does not block the event loop. */
export function createOrtNodeEngine(options: OrtNodeOptions = {}): InferenceEngine {
  const { threads = 1, optimisation = 'all' } = options
  return new OrtEngine({
    runtime: ort,
    backend: 'ort-node',
    threads,
    session: {
      executionProviders: ['cpu'],
      graphOptimizationLevel: optimisation,
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    },
  })
}
