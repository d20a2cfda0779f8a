import type { LoopOptions } from './closed-loop.ts'
import { ALL_METHODS, QUICK_METHODS } from './methods.ts'

/** How much a run measures. */
export interface Extent {
  readonly methods: readonly string[]
  readonly blocks: number
  readonly loopMs: number
  /** The whole run: no block begins that would end after this, what follows the blocks counted in. */
  readonly budgetMs: number
  readonly picturesPerBlock: number
  readonly episodes: number
  /** Streams of frames for the throughput. */
  readonly streamMs: number
  /** Whether a weak initiator asks by every plan too, or by the last one only. */
  readonly allStreams: boolean
  /** The longest picture of TensorFlow.js in software that there is time for. */
  readonly tfjsMs: number
}

export const QUICK: Extent = {
  methods: QUICK_METHODS,
  blocks: 3,
  loopMs: 2_000,
  budgetMs: 165_000,
  picturesPerBlock: 80,
  episodes: 5,
  streamMs: 3_000,
  allStreams: false,
  tfjsMs: 6_000,
}

export const FULL: Extent = {
  methods: ALL_METHODS,
  blocks: 8,
  loopMs: 2_500,
  budgetMs: 1_800_000,
  picturesPerBlock: 100,
  episodes: 20,
  streamMs: 10_000,
  allStreams: true,
  tfjsMs: 30_000,
}

const MIN_REQUESTS = 3
/** A loop of slow requests ends after this many times its length. */
const SLOW_FACTOR = 3
export const DEADLINE_MS = 20_000

export function loopOf({ loopMs }: Extent, pictures: readonly number[]): Omit<LoopOptions, 'cache'> {
  return { pictures, forMs: loopMs, minCount: MIN_REQUESTS, limitMs: SLOW_FACTOR * loopMs, deadlineMs: DEADLINE_MS }
}
