import type { Trace } from '@roomful/core'
import type { Asked } from './asked.ts'
import type { MeasuredBlock } from './block-means.ts'
import type { Environment } from './environment.ts'
import type { Extent } from './extent.ts'
import type { MethodPlan } from './methods.ts'
import type { Played } from './playing.ts'
import type { RoomRow } from './rows.ts'
import type { Scenario } from './scenario.ts'
import type { RoomSummary } from './summary.ts'
import type { Throughput } from './throughput.ts'
import type { RequestTrace } from './traces.ts'

/** Another model than the scenario's, prepared and served. */
export interface BenchModel {
  readonly name: string
  /** Address relative to the page. */
  readonly address: string
  /** The package on disk. */
  readonly folder: string
  /** What is served instead of the built page: the page and this model. */
  readonly site: string
  /** Answers take seconds at a quarter of a core: runs have other extents (`LARGE`). */
  readonly large?: boolean
  /** Left out of the methods: rivals that would take minutes with a large net. */
  readonly without?: readonly string[]
}

export interface RoomBenchOptions {
  readonly scenario: Scenario
  /** Three short blocks of the methods that stand for the others; ends within three minutes on two cores. */
  readonly quick?: boolean
  /** Orders, pictures, losses. Default: the scenario's. */
  readonly seed?: number
  readonly model?: BenchModel
  /** Less than a quick or full run: for functional tests. */
  readonly extent?: Partial<Extent>
  /** What else a reader of the figures must know; the first of the notes. */
  readonly remarks?: readonly string[]
  /** When the command began, by `performance.now()`: what it did before counts too. Default: now. */
  readonly beganMs?: number
  readonly signal?: AbortSignal
  readonly print?: (line: string) => void
}

export interface RoomBenchResult {
  readonly scenario: string
  readonly model: string
  readonly quick: boolean
  readonly extent: Extent
  readonly seed: number
  readonly rows: readonly RoomRow[]
  readonly summary: RoomSummary
  readonly notes: readonly string[]
  /** Frames per second of streams. */
  readonly throughput?: Throughput
  /** How requests ended while the scenario's events were played, and before. */
  readonly played?: Played
  readonly environment: Environment
  /** Whole network alone on each device, nothing else running, mean in ms. */
  readonly solo: Readonly<Record<string, number>>
  /** What `solo` is the mean of: the loops before the blocks, by which was planned, and those after them, where there was time. */
  readonly soloBefore: Readonly<Record<string, number>>
  readonly soloAfter: Readonly<Record<string, number>>
  /** What the planners were given: the devices' own measurements and the probed links, by name. */
  readonly measured: {
    readonly gmacsPerSecond: Readonly<Record<string, number>>
    /** What the initiator's messages cost, over what is usual; absent where no plan's time told. */
    readonly messageFactor?: number
    /** The plans that were asked before planning, in their order. */
    readonly asked: readonly Asked[]
    /** Solo time over what the profile predicts. */
    readonly corrections: Readonly<Record<string, number>>
    readonly links: readonly { readonly between: string; readonly rttMs: number; readonly mbitPerSecond: number }[]
  }
  readonly plans: readonly MethodPlan[]
  readonly samples: readonly MeasuredBlock[]
  /** Of each method the request of median length in its last block. */
  readonly traces: Readonly<Record<string, Trace>>
  /** Of every answered request of the blocks; not printed with the result. */
  readonly requestTraces: readonly RequestTrace[]
  /** The devices' names by id, those included that left. */
  readonly names: Readonly<Record<string, string>>
}
