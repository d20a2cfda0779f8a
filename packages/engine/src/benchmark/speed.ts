import { type BackendSpeed, type Clock, systemClock } from '@roomful/core'
import type { InferenceEngine } from '../engine.ts'
import { timeNet } from './measure.ts'
import { chainNet } from './nets.ts'

export interface SpeedOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal | undefined
  /** Time for the timed runs, warm-up excluded. Default 500 ms. */
  readonly budgetMs?: number
}

/** Single runs this much faster than the sustained speed are bursts, and no error of measurement. */
const BURST = 1.5
const MOST_BURST = 100
/** A page's clock may step by this much: shorter runs say nothing. */
const CLOCK_MS = 1

/** A run shorter than this many overheads (and milliseconds) says more about the overhead: the larger net is taken. */
const SHORT_RUN_MS = 6

/**
 * The figures of a backend: sustained multiply-accumulates per second on 3x3 convolutions, the fixed cost of a run, and how
 * much faster single short runs are. Three nets: nearly nothing (overhead), 28 M multiply-accumulates, and 236 M where 28 M
 * are done too soon.
 */
export async function measureSpeed(engine: InferenceEngine, options: SpeedOptions = {}): Promise<BackendSpeed> {
  const { clock = systemClock, signal, budgetMs = 500 } = options
  const timed = { clock, signal, minRuns: 3 }
  const tiny = await timeNet(engine, chainNet('pointwise', 4, 4, 4, 1), {
    ...timed,
    budgetMs: budgetMs / 8,
    maxRuns: 30,
  })
  const small = chainNet('conv', 32, 32, 32, 3)
  const glance = await timeNet(engine, small, { ...timed, budgetMs: 0, minRuns: 7, maxRuns: 7 })
  const long = glance.computeMs >= Math.max(SHORT_RUN_MS, 4 * tiny.computeMs)
  const net = long ? small : chainNet('conv', 64, 40, 40, 4)
  const { sustainedMs } = await timeNet(engine, net, { ...timed, budgetMs: (budgetMs * 3) / 4, maxRuns: 200 })
  const workMs = Math.max(sustainedMs - tiny.sustainedMs, sustainedMs / 10, 0.01)
  const gmacsPerSecond = net.macs / 1e6 / workMs
  const shortMs = glance.shortMs - tiny.shortMs
  const burst = shortMs < CLOCK_MS ? 1 : small.macs / 1e6 / shortMs / gmacsPerSecond
  return {
    backend: engine.backend,
    threads: engine.threads,
    gmacsPerSecond,
    overheadMs: tiny.wallMs,
    ...(burst > BURST ? { burst: Math.min(MOST_BURST, burst) } : {}),
  }
}
