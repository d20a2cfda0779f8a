import { type BackendSpeed, type Clock, systemClock } from '@roomful/core'
import type { InferenceEngine } from '../engine.ts'
import { timeNet } from './measure.ts'
import { chainNet } from './nets.ts'

export interface SpeedOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal | undefined
  /** Time for the timed runs, warm-up excluded. Default 300 ms. */
  readonly budgetMs?: number
}

/** A run shorter than this many overheads (and milliseconds) says more about the overhead: the larger net is taken. */
const SHORT_RUN_MS = 6

/**
 * The two figures of a backend: sustained multiply-accumulates per second on 3x3 convolutions and the fixed cost of a
 * run. Three nets: nearly nothing (overhead), 28 M multiply-accumulates, and 236 M where 28 M are done too soon.
 */
export async function measureSpeed(engine: InferenceEngine, options: SpeedOptions = {}): Promise<BackendSpeed> {
  const { clock = systemClock, signal, budgetMs = 300 } = options
  const timed = { clock, signal, minRuns: 3 }
  const tiny = await timeNet(engine, chainNet('pointwise', 4, 4, 4, 1), {
    ...timed,
    budgetMs: budgetMs / 6,
    maxRuns: 30,
  })
  let net = chainNet('conv', 32, 32, 32, 3)
  let timing = await timeNet(engine, net, { ...timed, budgetMs: budgetMs / 3, maxRuns: 20 })
  if (timing.computeMs < Math.max(SHORT_RUN_MS, 4 * tiny.computeMs)) {
    net = chainNet('conv', 64, 40, 40, 4)
    timing = await timeNet(engine, net, { ...timed, budgetMs: budgetMs / 2, maxRuns: 20 })
  }
  const workMs = Math.max(timing.computeMs - tiny.computeMs, timing.computeMs / 10, 0.01)
  return {
    backend: engine.backend,
    threads: engine.threads,
    gmacsPerSecond: net.macs / 1e6 / workMs,
    overheadMs: tiny.wallMs,
  }
}
