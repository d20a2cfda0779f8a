import { type Clock, type LayerShape, systemClock } from '@roomful/core'
import type { InferenceEngine } from '../engine.ts'
import { timeNet } from './measure.ts'
import { MICRO_CASES } from './micro-cases.ts'
import { microNet } from './micro-nets.ts'

/** One net's measured time; what the planner's regressions are fitted to (planner/predictor/micro-fit.ts). */
export interface MicroSample {
  readonly layers: readonly LayerShape[]
  readonly inputElements: number
  readonly outputElements: number
  /** One run inside the backend, copies in and out included. */
  readonly ms: number
}

export interface MicroOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal | undefined
  /** For each engine: loading and running all nets; what does not fit is left out. Time in `between` does not count. Default 2,800 ms. */
  readonly budgetMs?: number
  readonly onProgress?: (done: number, of: number) => void
  /** Awaited before each net (some tens of ms of work): the place where requests go first. Default: no wait. */
  readonly between?: () => Promise<void>
}

/** Mean over median of all runs above which a processor is throttled rather than disturbed. */
const THROTTLED = 1.3
/** Passes over all nets, at most. */
const MAX_PASSES = 4
/** Each net's share of the budget that goes into runs, most of the rest being its loading. */
const RUN_SHARE = 0.35

/**
 * Times small nets of all operator kinds and typical shapes, down to the few rows that a shard may have, over and over
 * until the budget is spent. Each sample is the median of its runs, the lower median of its passes; on a throttled processor (a CPU quota, a hot
 * phone), whose stalls medians never see, all are stretched by what the stalls add to the whole (see Timing.sustainedMs).
 * Several engines of one processor have each net by turns and one stretch in common: measured one after the other, equal engines
 * differ by what else the processor had to do meanwhile.
 * @returns the samples of each engine, in their order
 * @throws `signal.reason`; EngineError when a backend is lost
 */
export async function microBenchmark(
  engines: readonly InferenceEngine[],
  options: MicroOptions = {},
): Promise<MicroSample[][]> {
  const { clock = systemClock, signal, budgetMs = 2800, onProgress, between } = options
  const timed = {
    clock,
    signal,
    budgetMs: (budgetMs * RUN_SHARE) / 3 / MICRO_CASES.length,
    minRuns: 3,
    maxRuns: 8,
  }
  const nets = MICRO_CASES.map(microNet)
  const measured = engines.map((engine) => ({ engine, times: nets.map((): number[] => []) }))
  let leftMs = budgetMs * engines.length
  let spentMs = 0
  let steadyMs = 0
  for (let turn = 0; turn < MAX_PASSES * nets.length && leftMs > 0; turn++) {
    const index = turn % nets.length
    const net = nets[index]
    if (net === undefined) break
    await between?.()
    for (const { engine, times } of turn % 2 === 0 ? measured : measured.toReversed()) {
      signal?.throwIfAborted()
      const startMs = clock.now()
      const { computeMs, totalMs, runs } = await timeNet(engine, net, timed)
      leftMs -= clock.now() - startMs
      times[index]?.push(computeMs)
      spentMs += totalMs
      steadyMs += computeMs * runs
    }
    onProgress?.(Math.min(turn + 1, nets.length), nets.length)
  }
  const ratio = steadyMs > 0 ? spentMs / steadyMs : 1
  const stretch = ratio > THROTTLED ? ratio : 1
  return measured.map(({ times }) =>
    nets.flatMap(({ layers, inputElements, outputElements }, i) => {
      const own = times[i] ?? []
      return own.length === 0 ? [] : [{ layers, inputElements, outputElements, ms: lowerMedian(own) * stretch }]
    }),
  )
}

/** Of two passes the faster: what disturbs a device only ever makes it slower. */
function lowerMedian(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0
}
