import type { Prediction, Span } from '@roomful/core'

/** What a draft is predicted to do. Infinite times and `feasible: false` where it cannot run. */
export interface QuickEvaluation extends Prediction {
  readonly feasible: boolean
  /** Why not: a sentence's end. */
  readonly why?: string
  /**
   * Losses of trunk, exits and wires, added up. Quantisation noise of several cuts is taken as independent: their losses
   * add in quadrature, each weighted with the share of the tensor that crosses a link. [ours]
   */
  readonly accuracyLoss: number
  /** The busiest resources' work per request: the norm of order 4, so that searches see when another than the busiest has less. */
  readonly busyMs: number
}

export interface Evaluation extends QuickEvaluation {
  /** Work done twice because of halos. */
  readonly macsRedundant: number
  readonly macs: number
  /** Time at which each placed exit's answer reaches the initiator, in the order of the draft. */
  readonly exitMs: readonly number[]
  /** Per device of the room: bytes of weights and activations that the draft needs there. */
  readonly memoryBytes: readonly number[]
  /** The resource that bounds the throughput, for words: "the uplink of phone". */
  readonly bottleneck: string
}

export interface Timeline extends Evaluation {
  readonly spans: readonly Span[]
}

export interface EvaluatorOptions {
  /** What searches look for: under `latency` quick evaluations leave `busyMs` out (0). */
  readonly objective?: 'latency' | 'throughput'
  /** Share of requests that the room's cache answers, and how long such an answer takes. */
  readonly cache?: { readonly hitRate: number; readonly hitMs: number }
  /** Longest session of the runtime, in ms; longer stages pay the overhead of several. Default SEGMENT_MS. */
  readonly segmentMs?: number
}
