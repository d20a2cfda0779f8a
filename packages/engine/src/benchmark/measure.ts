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

/** Medians over warm runs, milliseconds. */
export interface Timing {
  /** Inside the backend, read-back included. */
  readonly computeMs: number
  /** As the caller sees a run: with the trip to the worker. */
  readonly wallMs: number
}

/** Loads the net, runs it once to warm up (shaders are compiled then) and times it. */
export async function timeNet(engine: InferenceEngine, net: TimedNet, options: MeasureOptions): Promise<Timing> {
  const { signal } = options
  await using session = await engine.load(net.model, signal === undefined ? {} : { signal })
  await runOnce(session, net, signal)
  const compute: number[] = []
  const wall: number[] = []
  const endMs = options.clock.now() + options.budgetMs
  while (compute.length < options.maxRuns && (compute.length < options.minRuns || options.clock.now() < endMs)) {
    const startMs = options.clock.now()
    compute.push(await runOnce(session, net, signal))
    wall.push(options.clock.now() - startMs)
  }
  return { computeMs: median(compute), wallMs: median(wall) }
}

async function runOnce(session: StageSession, net: TimedNet, signal: AbortSignal | undefined): Promise<number> {
  signal?.throwIfAborted()
  const { outputs, computeMs } = await session.run(
    { x: net.input },
    { keepInputs: true, ...(signal === undefined ? {} : { signal }) },
  )
  if (outputs['y'] === undefined) throw new EngineError('malformed', 'the benchmark net gave no output')
  return computeMs
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}
