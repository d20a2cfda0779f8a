import type { ExitName, PlanId, RequestId, Trace } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'

/** One answer. */
export interface InferenceResult {
  readonly request: RequestId
  readonly plan: PlanId
  readonly labelIndex: number
  readonly probabilities: Float32Array
  readonly confidence: number
  readonly exit: ExitName
  /** The trunk's output (the one of the manifest, where the model has several) or the exit's; empty when it came from a cache. */
  readonly outputs: readonly FeatureMap[]
  readonly trace: Trace
}

/** A whole feature map at one of the plan's cuts. */
export interface KeptMap {
  readonly volume: number
  readonly map: FeatureMap
}
