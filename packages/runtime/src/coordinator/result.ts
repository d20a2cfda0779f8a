import type { ExitName, PlanId, RequestId, Trace } from '@roomful/core'
import { elementCount, type FeatureMap } from '@roomful/tensor'
import type { InstalledPlan } from './installer.ts'

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

/** Elements of the largest result that an exit or the end of the plan may give. */
export function mostResultElements({ layout, model }: InstalledPlan): number {
  const exits = model.exits.map((exit) => model.shape(exit.output) ?? [])
  return Math.max(...[...exits, layout.cuts.at(-1)?.dims ?? []].map((dims) => elementCount(dims)))
}
