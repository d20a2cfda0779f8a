import type { Clock } from '@roomful/core'
import { EngineError, type InferenceEngine, type StageSession } from '../engine.ts'
import type { TimedNet } from './nets.ts'

export interface MeasureOptions {
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** Ends after this long, but not before `minRuns` runs. Milliseconds. */
  readonly budgetMs: number
  readonly minRuns: number
  readonly maxRuns: number
}

/** Over warm runs, milliseconds. */
export interface Timing {
  readonly runs: number
  /** Median time inside the backend, read-back included. */
  readonly computeMs: number
  /** The second shortest time inside the backend: what a run takes that no stall has met. */
  readonly shortMs: number
  /** Median time as the caller sees a run: with the trip to the worker. */
  readonly wallMs: number
  /**
   * Mean time from run to run over three tenths of a second (the median of such blocks), as the caller sees it. A throttled
   * processor (a CPU quota, a hot phone) works in bursts and stalls between them: single runs look fast, medians never see
   * the stalls, and time inside the backend misses those that fall between two runs.
   */
  readonly sustainedMs: number
  /** Time inside the backend of all runs together. */
  readonly totalMs: number
}

type Runnable = Pick<TimedNet, 'model' | 'input'>

/** A CPU quota's period is 100 ms; a block must span some of them. */
const BLOCK_MS = 300

/** Loads the net, runs it once to warm up (shaders are compiled then) and times it. */
export async function timeNet(engine: InferenceEngine, net: Runnable, options: MeasureOptions): Promise<Timing> {
  const { clock, signal, budgetMs, minRuns, maxRuns } = options
  await using session = await engine.load(net.model, signal === undefined ? {} : { signal })
  await runOnce(session, net, signal)
  const compute: number[] = []
  const wall: number[] = []
  const blocks: number[] = []
  const beginMs = clock.now()
  const endMs = beginMs + budgetMs
  let blockRuns = 0
  let blockMs = beginMs
  while (compute.length < maxRuns && (compute.length < minRuns || clock.now() < endMs)) {
    const startMs = clock.now()
    compute.push(await runOnce(session, net, signal))
    const nowMs = clock.now()
    wall.push(nowMs - startMs)
    blockRuns++
    if (nowMs - blockMs < BLOCK_MS) continue
    blocks.push((nowMs - blockMs) / blockRuns)
    blockRuns = 0
    blockMs = nowMs
  }
  return {
    runs: compute.length,
    computeMs: median(compute),
    shortMs: [...compute].sort((a, b) => a - b)[Math.min(1, compute.length - 1)] ?? 0,
    wallMs: median(wall),
    sustainedMs: blocks.length === 0 ? mean(wall) : median(blocks),
    totalMs: mean(compute) * compute.length,
  }
}

async function runOnce(session: StageSession, net: Runnable, signal: AbortSignal | undefined): Promise<number> {
  signal?.throwIfAborted()
  const { outputs, computeMs } = await session.run(
    { x: net.input },
    { keepInputs: true, ...(signal === undefined ? {} : { signal }) },
  )
  if (outputs['y'] === undefined) throw new EngineError('malformed', 'the benchmark net gave no output')
  return computeMs
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}
