import type { SimilarCache, SimilarHit } from '@roomful/cache'
import type { DeviceId } from '@roomful/core'
import { describeFeature, type FeatureMap } from '@roomful/tensor'
import type { InstalledPlan } from '../coordinator/installer.ts'
import type { InferenceResult } from '../coordinator/result.ts'

/** The cut at which inputs are compared: the first one, where most of the work is still ahead. */
const CUT = 1

/**
 * One request's look into the similarity cache. It happens when the whole feature map of the plan's first cut passes the
 * initiator; where it does not (row shards elsewhere, offload), there is no look.
 */
export class SimilarLook {
  readonly #cache: SimilarCache
  readonly #self: DeviceId
  readonly #key: string
  #descriptor: Float32Array | undefined
  #hit: SimilarHit | undefined

  constructor(cache: SimilarCache, { plan, layout }: InstalledPlan, self: DeviceId) {
    this.#cache = cache
    this.#self = self
    this.#key = JSON.stringify([plan.model, plan.trunk, layout.cuts[CUT]?.tensor])
  }

  /** The answer to give at once, if any. */
  at(volume: number, map: FeatureMap): SimilarHit | undefined {
    if (volume !== CUT || this.#descriptor !== undefined) return undefined
    try {
      this.#descriptor = describeFeature(map)
    } catch {
      // Not a picture-shaped map of floats: it has no descriptor.
      return undefined
    }
    this.#hit = this.#cache.find(this.#key, this.#descriptor)
    return this.#hit?.verify === false ? this.#hit : undefined
  }

  /** The request was computed: teaches the cache. */
  computed({ labelIndex, confidence, exit }: InferenceResult): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    if (this.#hit !== undefined) this.#cache.confirm(this.#key, this.#hit, this.#hit.labelIndex === labelIndex)
    else this.#cache.missed(this.#key, descriptor, labelIndex)
    this.#cache.add(this.#key, { descriptor, labelIndex, confidence, exit, owner: this.#self, foreign: false })
  }
}
