import { type Clock, systemClock } from '@roomful/core'
import type { InferenceEngine } from '../engine.ts'
import { timeNet } from './measure.ts'
import { chainNet, type MicroKind } from './nets.ts'

/** One layer's measured time; what the planner's regressions are fitted to. */
export interface MicroSample {
  readonly kind: MicroKind
  readonly macs: number
  /** Bytes that the layer writes; `dense`: and the weights it reads. */
  readonly bytes: number
  /** Height of the layer's output; 1 for `dense`. */
  readonly rows: number
  readonly ms: number
}

export interface MicroOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal | undefined
  /** Whole time; what does not fit is left out. Default 3,000 ms. */
  readonly budgetMs?: number
  readonly onProgress?: (done: number, of: number) => void
}

/** Kind, channels, height, width; the most telling first, because the budget may cut the list short. */
const CASES: readonly (readonly [MicroKind, number, number, number])[] = [
  ['conv', 64, 28, 28],
  ['pointwise', 128, 28, 28],
  ['depthwise', 128, 28, 28],
  ['dense', 1024, 1, 1],
  ['pool', 64, 28, 28],
  ['elementwise', 128, 28, 28],
  ['conv', 16, 64, 64],
  ['conv', 128, 14, 14],
  ['conv', 64, 4, 40],
  ['pointwise', 32, 56, 56],
  ['depthwise', 32, 56, 56],
  ['elementwise', 64, 14, 14],
  ['pool', 32, 56, 56],
  ['dense', 256, 1, 1],
  ['conv', 256, 7, 7],
  ['conv', 64, 1, 40],
  ['conv', 64, 2, 40],
  ['conv', 64, 8, 40],
  ['conv', 64, 16, 40],
  ['pointwise', 512, 7, 7],
  ['depthwise', 512, 7, 7],
  ['pointwise', 128, 1, 28],
  ['pointwise', 128, 4, 28],
  ['depthwise', 128, 1, 28],
  ['depthwise', 128, 4, 28],
  ['pool', 64, 4, 28],
  ['elementwise', 128, 2, 28],
]

/** Layers per chain: the fixed cost of a run is measured apart and taken off, the rest is shared out. */
const CHAIN = 4

/**
 * Times one layer of each kind at several sizes, down to the few rows that a shard may have. Each sample is a median; all
 * of them are then stretched by what the stalls of a throttled processor added to the whole (see Timing.sustainedMs).
 */
export async function microBenchmark(engine: InferenceEngine, options: MicroOptions = {}): Promise<MicroSample[]> {
  const { clock = systemClock, signal, budgetMs = 3000, onProgress } = options
  const endMs = clock.now() + budgetMs
  const timed = { clock, signal, budgetMs: Math.min(25, budgetMs / 120), minRuns: 3, maxRuns: 12 }
  const fixed = await timeNet(engine, chainNet('pointwise', 4, 4, 4, 1), timed)
  const samples: MicroSample[] = []
  let spentMs = 0
  let steadyMs = 0
  for (const [index, [kind, channels, height, width]] of CASES.entries()) {
    if (clock.now() >= endMs) break
    const net = chainNet(kind, channels, height, width, CHAIN)
    const { computeMs, totalMs, runs } = await timeNet(engine, net, timed)
    const ms = Math.max(0, computeMs - fixed.computeMs) / CHAIN
    samples.push({ kind, macs: net.layer.macs, bytes: net.layer.bytes, rows: height, ms })
    spentMs += totalMs
    steadyMs += computeMs * runs
    onProgress?.(index + 1, CASES.length)
  }
  const stretch = steadyMs > 0 ? Math.max(1, spentMs / steadyMs) : 1
  return samples.map((sample) => ({ ...sample, ms: sample.ms * stretch }))
}
