import type {
  AnswerSource,
  DeviceId,
  DeviceProfile,
  ExitName,
  LinkProfile,
  ModelDigest,
  Plan,
  PlanId,
  TensorName,
  Trace,
} from '@roomful/core'

/** A peer as a person sees it. */
export interface PeerView {
  readonly profile: DeviceProfile
  readonly link: 'linking' | 'connected' | 'silent' | 'lost'
  readonly rttMs?: number
  readonly mbitPerSecond?: number
}

/** The layers between two neighbouring partition points: the unit in which a plan can be cut by hand. */
export interface SegmentView {
  /** The partition point at its end; the trunk's output for the last one. */
  readonly to: TensorName
  readonly macs: number
  /** Shape of `to`, NCHW. */
  readonly shape: readonly number[]
  /** Bytes of `to` as float32. */
  readonly bytes: number
}

export interface ExitView {
  readonly name: ExitName
  readonly at: TensorName
  /** Multiply-accumulates up to and including the exit. */
  readonly macs: number
  readonly threshold: number
}

export interface ModelView {
  readonly name: string
  readonly digest: ModelDigest
  readonly labels: readonly string[]
  readonly width: number
  readonly height: number
  readonly macs: number
  readonly segments: readonly SegmentView[]
  readonly exits: readonly ExitView[]
  /** Weight bytes that this device has fetched in this visit (for its own plans and for others'), and of the whole model. */
  readonly downloadedBytes: number
  readonly totalBytes: number
}

export interface PlanChoice {
  readonly method: string
  readonly predictedMs: number
  readonly summary: string
}

export interface PlanView {
  readonly id: PlanId
  readonly plan: Plan
  readonly status: 'preparing' | 'active'
  readonly byHand: boolean
  /** "Why this plan?", one sentence each. */
  readonly words: readonly string[]
  readonly runnersUp: readonly PlanChoice[]
}

export interface AnswerView {
  readonly label: string
  readonly index: number
  readonly confidence: number
  /** The five most probable labels, best first. */
  readonly top: readonly { readonly label: string; readonly probability: number }[]
}

/** One ended request. */
export interface RequestView {
  readonly trace: Trace
  readonly plan?: PlanId
  /** Absent when the picture was the test pattern: no label is claimed for it. */
  readonly answer?: AnswerView
  readonly endedAt: number
}

/** What became of a plan that practice has come to. */
export interface TrialView {
  /** The planner when it takes its time, or the agent. */
  readonly by: 'planning' | 'learning'
  readonly summary: string
  /** As predicted, ms, and what the plan in use was predicted to need. */
  readonly predictedMs: number
  readonly currentPredictedMs: number
  readonly verdict: 'adopted' | 'refused' | 'untried'
  /** In words: what was measured, or why nothing was. */
  readonly reason: string
  /** Present when both plans were measured. */
  readonly measured?: TrialTimes
}

/** Two plans on the same pictures in turns. */
export interface TrialTimes {
  /** Mean over the pictures of the median time of their runs, ms. */
  readonly currentMs: number
  readonly candidateMs: number
  /** Pictures that were asked about before; 0: a grey one. */
  readonly pictures: number
  /** Runs of each plan. */
  readonly runs: number
}

/** What the agent has learned for the room as it is. */
export interface PracticeView {
  /** Best predicted latency after each episode, ms; stretches follow each other. */
  readonly curve: readonly number[]
  /** Plans that were measured better than the one in use, and those that were not, since this device has joined. */
  readonly adopted: number
  readonly refused: number
  /** What became of them, newest last, at most 10. */
  readonly trials: readonly TrialView[]
}

export interface StatsView {
  readonly answered: number
  /**
   * Requests, frames of streams among them, that ended with an error: too late, or nobody was left to answer. Not those that
   * the caller aborted, and not what was refused before it was asked (no picture, no model, a bad option).
   */
  readonly failed: number
  readonly recovered: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly byExit: Readonly<Record<ExitName, number>>
  readonly bySource: Readonly<Record<AnswerSource, number>>
  /** This device alone, measured in the background now and then; absent until measured. */
  readonly aloneMs?: number
}

export interface BenchmarkView {
  readonly running: boolean
  readonly step: string
  /** 0..1 */
  readonly progress: number
}

/** Everything the page shows, immutable; a new object with every change. */
export interface RoomSnapshot {
  readonly phase: 'joining' | 'joined' | 'left'
  readonly self: DeviceProfile
  readonly role: 'worker' | 'observer'
  readonly inviteUrl: string
  readonly signalling: 'connected' | 'reconnecting' | 'closed'
  readonly benchmark: BenchmarkView
  readonly peers: readonly PeerView[]
  readonly links: readonly LinkProfile[]
  readonly model?: ModelView
  readonly modelState: 'none' | 'loading' | 'ready' | 'failed'
  readonly plan?: PlanView
  readonly practice?: PracticeView
  readonly lending: { readonly asked: boolean; readonly allowed: boolean; readonly pausedBecause?: string }
  /** Requests that others run here at this moment. */
  readonly serving: number
  /** Newest last, at most 100. */
  readonly requests: readonly RequestView[]
  readonly stats: StatsView
  /** Newest last, at most 20. */
  readonly messages: readonly {
    readonly id: number
    readonly kind: 'info' | 'warning' | 'error'
    readonly text: string
  }[]
}

/**
 * Which device computes up to which partition point: a plan drawn by hand. The last `to` is the trunk's output. `bits`: how
 * the map at `to` travels, 8 by default.
 */
export type HandPlan = readonly {
  readonly device: DeviceId
  readonly to: TensorName
  readonly bits?: 32 | 16 | 8 | 4
}[]
