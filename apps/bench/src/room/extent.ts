import type { LoopOptions } from './closed-loop.ts'
import { ALL_METHODS, QUICK_METHODS } from './methods.ts'

/** How much a run measures. */
export interface Extent {
  readonly methods: readonly string[]
  readonly blocks: number
  readonly loopMs: number
  /**
   * Requests that cross a link before planning. A link's figure moves by 0.3 of the difference with each transfer: after 4, 24 % of the
   * first probe's error is left, after 8, 6 %.
   */
  readonly linkRequests: number
  /** No further link is warmed after this. */
  readonly linksMs: number
  /** Longest wait, after the devices have measured themselves, for links on which nothing but beats passes. */
  readonly atRestMs: number
  /** After this no further plan is asked before planning, so that its kind is known. */
  readonly askingMs: number
  /** Loops of each such plan that count, after one that does not. */
  readonly askingLoops: number
  /** Of each loop, up to `loopLimitMs`. */
  readonly minRequests: number
  /** No further request of a loop begins after this, however few there were. */
  readonly loopLimitMs: number
  /** Methods that are slower than this many times the best rival sit out all later blocks; Infinity: none does. */
  readonly sitOutAbove: number
  /** The whole run, its start included: no block begins that would end after this, what follows the blocks counted in. */
  readonly budgetMs: number
  readonly picturesPerBlock: number
  readonly episodes: number
  /** Streams of frames for the throughput. */
  readonly streamMs: number
  /** Whether the initiator asks for streams too, or only the device that is best alone: a weak one cannot feed a room. */
  readonly allStreams: boolean
}

export const QUICK: Extent = {
  methods: QUICK_METHODS,
  blocks: 3,
  loopMs: 2_000,
  linkRequests: 4,
  linksMs: 10_000,
  atRestMs: 14_000,
  askingMs: 16_000,
  askingLoops: 1,
  minRequests: 2,
  loopLimitMs: 6_000,
  sitOutAbove: 2.5,
  budgetMs: 165_000,
  picturesPerBlock: 80,
  episodes: 5,
  streamMs: 3_000,
  allStreams: false,
}

export const FULL: Extent = {
  methods: ALL_METHODS,
  blocks: 8,
  loopMs: 2_500,
  linkRequests: 8,
  linksMs: 120_000,
  atRestMs: 60_000,
  askingMs: 150_000,
  askingLoops: 4,
  minRequests: 3,
  loopLimitMs: 7_500,
  sitOutAbove: Number.POSITIVE_INFINITY,
  budgetMs: 1_800_000,
  picturesPerBlock: 100,
  episodes: 20,
  streamMs: 10_000,
  allStreams: true,
}

/**
 * What runs of a large net have instead: answers take seconds, and so does every one that warms a link, teaches what a kind of plan takes or is
 * a sample. Within a quick run's time five of six links stayed as they were probed while pages were loading 575 MB, one at a hundredth of its
 * rate, and a mean was that of two requests.
 */
export const LARGE: Partial<Extent> = {
  loopMs: 4_000,
  loopLimitMs: 30_000,
  minRequests: 3,
  linksMs: 60_000,
  atRestMs: 60_000,
  askingMs: 120_000,
  askingLoops: 1,
}
/** A quick run of a large net, all in all: not one of three minutes. */
export const LARGE_QUICK_MS = 1_200_000

/** What is measured of a net, large or not; `own` comes before all. */
export function extentOf(quick: boolean, large: boolean, own: Partial<Extent> = {}): Extent {
  const budget = large && quick ? { budgetMs: LARGE_QUICK_MS } : {}
  return { ...(quick ? QUICK : FULL), ...(large ? LARGE : {}), ...budget, ...own }
}

const DEADLINE_MS = 20_000

export function loopOf(
  { loopMs, minRequests, loopLimitMs }: Extent,
  pictures: readonly number[],
): Omit<LoopOptions, 'cache'> {
  return { pictures, forMs: loopMs, minCount: minRequests, limitMs: loopLimitMs, deadlineMs: DEADLINE_MS }
}
