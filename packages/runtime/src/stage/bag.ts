import type { TensorName } from '@roomful/core'
import type { FeatureMap, FeatureMaps } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import type { PreparedStage } from './prepared-plan.ts'

/** What a segment is given, by its session's own names. */
export interface SegmentInputs {
  readonly inputs: FeatureMaps
  /** Of `inputs`: those that are needed afterwards. */
  readonly keepInputs: readonly string[]
}

/** The feature maps between the sessions of one stage: each is kept until the last segment that takes it. */
export class Bag {
  readonly #stage: PreparedStage
  readonly #keepInput: boolean
  readonly #maps = new Map<TensorName, FeatureMap>()

  /** `keepInput`: the stage's input is needed outside. */
  constructor(stage: PreparedStage, input: FeatureMap, keepInput: boolean) {
    this.#stage = stage
    this.#keepInput = keepInput
    this.#maps.set(stage.from, input)
  }

  /** @throws RuntimeError `engine` when the session takes what no segment has made */
  take(index: number, names: readonly string[]): SegmentInputs {
    const { from, segments } = this.#stage
    const inputs: Record<string, FeatureMap> = {}
    const keepInputs: string[] = []
    for (const [i, tensor] of (segments[index]?.takes ?? []).entries()) {
      const name = names[i]
      const map = this.#maps.get(tensor)
      if (name === undefined || map === undefined) throw new RuntimeError('engine', `a stage lacks ${tensor}`)
      inputs[name] = map
      const needed = segments.slice(index + 1).some(({ takes }) => takes.includes(tensor))
      if (needed || (tensor === from && this.#keepInput)) keepInputs.push(name)
      if (!needed) this.#maps.delete(tensor)
    }
    return { inputs, keepInputs }
  }

  /** Takes what the segment has made and returns it. */
  give(index: number, outputs: FeatureMap[]): FeatureMap[] {
    for (const [i, tensor] of (this.#stage.segments[index]?.gives ?? []).entries()) {
      const map = outputs[i]
      if (map !== undefined) this.#maps.set(tensor, map)
    }
    return outputs
  }
}
