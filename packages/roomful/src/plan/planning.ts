import type {
  BackendSpeed,
  DeviceProfile,
  ExitName,
  ModelDigest,
  Plan,
  Schedule,
  TensorName,
  Topology,
} from '@roomful/core'
import type { MicroSample } from '@roomful/engine'
import type { Manifest } from '@roomful/model'
import type { Measurement } from '@roomful/runtime'
import type { OwnLearning } from '../device/own-learning.ts'
import type { PlanningOptions } from '../session.ts'
import type { HandPlan, PlanChoice } from '../snapshot.ts'

export const DEFAULT_PLANNING: PlanningOptions = {
  objective: 'latency',
  maxAccuracyLoss: 0.01,
  privacy: 'none',
  exits: true,
}

/** A plan with its reasons, as the page tells them. */
export interface ChosenPlan {
  /** Of a schedule the part with the largest share. */
  readonly plan: Plan
  /** Present when several plans take requests in turn. */
  readonly schedule?: Schedule
  readonly words: readonly string[]
  readonly runnersUp: readonly PlanChoice[]
}

/** What a person drew, and whether exits are evaluated on it. */
export interface DrawnPlan {
  readonly plan: HandPlan
  readonly exits: boolean
}

/** What replaces the planner: a drawn split, a whole Plan, or a schedule of several. */
export type Wish = DrawnPlan | Plan | Schedule

/** ONNX bytes without weights by trunk; those of the main one apart. */
export type TrunkGraphs = Readonly<Record<string, Uint8Array>>

/** What the page needs to know of a model's structure; `segments[i]` leads from `points[i]` to `points[i + 1]`. */
export interface ModelOutline {
  readonly digest: ModelDigest
  readonly points: readonly {
    readonly tensor: TensorName
    readonly shape: readonly number[]
    readonly elements: number
  }[]
  readonly segments: readonly { readonly macs: number }[]
}

/** How far reality and prediction have come apart since the last automatic plan. */
export interface Drift {
  /** The largest change of a device's correction factor, or of what plans of a kind take, as a ratio of at least 1. */
  readonly ratio: number
}

/** The mean of requests on one plan that followed one another. */
export interface RequestMean {
  readonly kind: 'requests'
  readonly plan: Plan
  readonly count: number
  readonly ms: number
  /** How many of them each exit answered. */
  readonly exits: ReadonlyMap<ExitName, number>
}

/** A measured time. `idleMs` of a transfer: how long nothing had gone that way before, Infinity at first. */
export type Observed = (Exclude<Measurement, { readonly kind: 'request' }> & { readonly idleMs?: number }) | RequestMean

/** A backend's speed test and its micro-benchmark. */
export interface MeasuredSpeed {
  readonly speed: BackendSpeed
  readonly samples: readonly MicroSample[]
}

/** A stretch of practice. */
export interface Training {
  readonly episodes: number
  readonly seed: number
  /** Whether the planner takes its time first. Default false. */
  readonly thorough?: boolean
  /** Plans that have been tried in this room already, and are not worth it again. */
  readonly tried?: readonly Plan[]
}

/** `method` of the plans that practice has learned. */
export const LEARNED = 'learned'

/** A plan that practice has come to. */
export interface FoundPlan {
  /** The planner when it takes its time, or the agent. */
  readonly by: 'planning' | 'learning'
  readonly chosen: ChosenPlan
  /** What the plan in use is predicted to need, ms; Infinity where it cannot run any more. */
  readonly currentMs: number
  /** Why it is not worth a trial; absent where it is. */
  readonly untried?: string
}

/** What a stretch of training in the background came to. */
export interface Practised {
  /** Best predicted latency after each episode, ms. */
  readonly curve: readonly number[]
  readonly found?: FoundPlan
}

/**
 * Everything that thinks about plans: the models' structures, the search, and what was learned from measured times. In a
 * page it lives in a Worker of its own (`WorkerPlanning`), because a search takes tens to hundreds of milliseconds.
 */
export interface Planning extends AsyncDisposable {
  /**
   * Takes a model in; its oldest one is forgotten beyond a few. `trunks`: the graphs of its compressed trunks by name.
   * @throws PlannerError, GraphError by name
   */
  open(manifest: Manifest, graphBytes: Uint8Array, trunks?: TrunkGraphs): Promise<ModelOutline>
  /**
   * The best plan by `auto`. `current`: the plan in use; it is kept (with its prediction renewed) while nothing is better by
   * more than the hysteresis. `trust`: what its prediction counts in that comparison, where it was measured against another plan
   * (0.8: it turned out a fifth better than was predicted). Default 1.
   * @throws RoomfulError `unavailable` by name with the planner's reason
   */
  automatically(
    digest: ModelDigest,
    topology: Topology,
    options: PlanningOptions,
    current: Plan | undefined,
    trust?: number,
  ): Promise<ChosenPlan>
  /** @throws PlanError `inconsistent` by name */
  byHand(digest: ModelDigest, topology: Topology, drawn: Wish): Promise<ChosenPlan>
  /** The whole network on this device, without exits: what "alone" is measured with. */
  alone(digest: ModelDigest, self: DeviceProfile): Promise<Plan | undefined>
  /** Learns from measured times of the room's devices, at most a few dozen at once. */
  observe(digest: ModelDigest, topology: Topology, measured: readonly Observed[]): Promise<Drift>
  /**
   * Looks thoroughly where that is asked for (a second or more on a weak device, in one go) and trains the reinforcement-learning agent
   * for the room as it is; what it has learned gets exits as the planner's own plans do, and is compared with the one in use. Other
   * calls are answered between the episodes; ends early on `rest`.
   */
  practise(
    digest: ModelDigest,
    topology: Topology,
    options: PlanningOptions,
    current: Plan,
    training: Training,
  ): Promise<Practised>
  /** Ends `practise` after its present episode, or before it trains. */
  rest(): Promise<void>
  /**
   * The speeds of engines that had the micro-benchmark by turns, with the coefficients fitted to it; without where too little was measured.
   * @throws PlannerError `samples` by name
   */
  fit(measured: readonly MeasuredSpeed[]): Promise<readonly BackendSpeed[]>
  /** What has been learned about this device, for its next visit; undefined while that is nothing. */
  learned(self: DeviceProfile['id']): Promise<OwnLearning | undefined>
  /** What an earlier visit learned about this device, as `learned` gave it. What has been seen since counts more. */
  recall(self: DeviceProfile['id'], learned: OwnLearning): Promise<void>
}
