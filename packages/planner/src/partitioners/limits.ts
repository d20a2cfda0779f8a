import type { Plan, TensorName, WireFormat } from '@roomful/core'

/** What a plan must keep to, and what it is for. */
export interface PlanningLimits {
  /** `latency`: one answer soonest (default). `throughput`: most answers per second. */
  readonly objective?: 'latency' | 'throughput'
  /** Largest allowed loss of final top-1 through wires, exits and pruned trunks, as a share. Default 0.01. */
  readonly maxAccuracyLoss?: number
  /** Plans slower than this (`fullMs`) are refused. Default none. */
  readonly deadlineMs?: number
  /** `raw-stays-local`: neither the picture nor anything before `privateUntil` leaves the initiator. Default `none`. */
  readonly privacy?: 'none' | 'raw-stays-local'
  /** With `raw-stays-local`: the first tensor that may leave. Default the first partition point behind the input. */
  readonly privateUntil?: TensorName
  /** The wire format of the methods that do not choose one. Default: 8 bits where the loss allows it. */
  readonly wire?: WireFormat
  /**
   * Whether plans may have exits: without them no method places one, `ciahp` has no plan and `edgent` no exit to go to.
   * Default true.
   */
  readonly exits?: boolean
  readonly cache?: { readonly hitRate: number; readonly hitMs: number }
  /** Longest session of the runtime that will run the plan, in ms. Default: the runtime's own, 15. */
  readonly segmentMs?: number
  /**
   * How long the plan is expected to be in use, ms: what its requests lose while the initiator gets ready to complete them
   * alone is spread over that time. Default: not counted.
   */
  readonly dwellMs?: number
  /**
   * `auto` takes the plan with the fewest parts and messages among those predicted within this share of the best, for each
   * device that they do without: what is gained below the error of prediction is not worth what it exposes to the network.
   * Default 0: the best as predicted.
   */
  readonly margin?: number
  /** Seed of the methods that use randomness. Default 1. */
  readonly seed?: number
  /** Training episodes of the methods that learn (`distredge`, `cogent`). Default 20. */
  readonly episodes?: number
  /**
   * Plans that `auto` starts from beside its own, such as what practice has learned. Those that do not fit are left out.
   * The best of them (and of what is learned) stays unless another is predicted better by half a percent, which is below the error of
   * prediction, or a device that it leaves out would save a thousandth. Where a margin makes a simpler plan win, it counts like all others.
   */
  readonly known?: readonly Plan[]
  /**
   * Whether `auto` also trains DistrEdge's agent (`episodes`), as a room's practice does in the background: seconds instead
   * of milliseconds. Default false.
   */
  readonly learn?: boolean
  /**
   * Whether `auto` takes its time in small rooms (up to 4 devices): some 0.15 s of hot code instead of 0.03, for plans that are 3 %
   * better in the mean. Rooms plan without at once and with it in a quiet time. Default true.
   */
  readonly thorough?: boolean
}

export type ResolvedLimits = PlanningLimits &
  Required<
    Pick<
      PlanningLimits,
      'objective' | 'maxAccuracyLoss' | 'privacy' | 'exits' | 'margin' | 'seed' | 'episodes' | 'thorough'
    >
  >

export function resolveLimits(limits: PlanningLimits): ResolvedLimits {
  return {
    objective: 'latency',
    maxAccuracyLoss: 0.01,
    privacy: 'none',
    exits: true,
    margin: 0,
    seed: 1,
    episodes: 20,
    thorough: true,
    ...limits,
  }
}
