import type { DeviceId, ExitName, Random } from '@roomful/core'
import { AdaptiveThreshold } from './adaptive-threshold.ts'
import { agree } from './h-knn.ts'
import { HyperplaneIndex } from './hyperplane-index.ts'

export interface SimilarCacheOptions {
  readonly random: Random
  /** Share of hits that may be wrong. Default 0.05 (FoggyCache's target). */
  readonly errorTarget?: number
  /** Share of hits that are computed all the same, to learn. Default 0.1; the first ten always are. */
  readonly verifyShare?: number
  /** Entries per namespace; the least used go first. Default 2,000. */
  readonly maxEntries?: number
  /** Most of a namespace's entries that may come from one other device, 0..1. Default 0.25. */
  readonly foreignShare?: number
  /** Neighbours that vote. Default 5. */
  readonly k?: number
  /** Share of the votes that must agree. Default 0.8. */
  readonly homogeneity?: number
}

export interface SimilarEntry {
  readonly descriptor: Float32Array
  readonly labelIndex: number
  readonly confidence: number
  readonly exit: ExitName
  readonly owner: DeviceId
  readonly foreign: boolean
}

export interface SimilarHit {
  readonly labelIndex: number
  /** Share of the neighbours' votes, times the least confidence among those that agree. */
  readonly confidence: number
  readonly exit: ExitName
  /** Compute it all the same and `confirm` the outcome. */
  readonly verify: boolean
  /** For `confirm`. */
  readonly supporters: readonly number[]
}

interface Namespace {
  readonly dims: number
  readonly index: HyperplaneIndex
  readonly entries: Map<number, SimilarEntry & { uses: number }>
  readonly threshold: AdaptiveThreshold
  hits: number
}

/** How far below the threshold a miss teaches something about it. */
const LOOK_BELOW = 0.05

/** Hits of a namespace that are all computed, before it is trusted at all. */
const PROBATION = 10

/**
 * Answers for inputs that look like earlier ones: descriptors of the feature map at a cut (`describeFeature`), nearest
 * neighbours by LSH, agreement by H-kNN, and a threshold that learns from recomputed hits. Each model and cut is a
 * namespace of its own (`key`). In memory; what it knows is gone with the page.
 */
export class SimilarCache {
  readonly #o: SimilarCacheOptions
  readonly #spaces = new Map<string, Namespace>()
  #nextId = 0

  constructor(options: SimilarCacheOptions) {
    this.#o = options
  }

  /** Entries and the similarity that hits need at this moment. */
  stats(key: string): { entries: number; minSimilarity: number } {
    const space = this.#spaces.get(key)
    return { entries: space?.entries.size ?? 0, minSimilarity: space?.threshold.similarity ?? 1 }
  }

  find(key: string, descriptor: Float32Array): SimilarHit | undefined {
    const { random, verifyShare = 0.1, k = 5, homogeneity = 0.8 } = this.#o
    const space = this.#spaces.get(key)
    if (space === undefined || space.dims !== descriptor.length) return undefined
    const near = nearest(space, descriptor, k)
    const minSimilarity = space.threshold.similarity
    const agreement = agree(near, { k, homogeneity, minSimilarity })
    if (agreement === undefined) return undefined
    const { labelIndex, share } = agreement
    const supporters = near.filter((other) => other.labelIndex === labelIndex && other.similarity >= minSimilarity)
    const [closest] = supporters
    if (closest === undefined) return undefined
    for (const { id } of supporters) {
      const entry = space.entries.get(id)
      if (entry !== undefined) entry.uses++
    }
    const confidence = share * Math.min(...supporters.map((other) => other.confidence))
    const verify = space.hits++ < PROBATION || random.next() < verifyShare
    return { labelIndex, confidence, exit: closest.exit, verify, supporters: supporters.map(({ id }) => id) }
  }

  /**
   * An input that was no hit has been computed: whether a slightly lower threshold would have answered it, and rightly, is
   * what the threshold learns most from. Call it before `add`.
   */
  missed(key: string, descriptor: Float32Array, labelIndex: number): void {
    const { k = 5, homogeneity = 0.8 } = this.#o
    const space = this.#spaces.get(key)
    if (space === undefined || space.dims !== descriptor.length) return
    const minSimilarity = space.threshold.similarity - LOOK_BELOW
    const agreement = agree(nearest(space, descriptor, k), { k, homogeneity, minSimilarity })
    if (agreement !== undefined) space.threshold.learn(agreement.labelIndex === labelIndex)
  }

  add(key: string, entry: SimilarEntry): void {
    const { maxEntries = 2_000, foreignShare = 0.25 } = this.#o
    const space = this.#space(key, entry.descriptor.length)
    if (space === undefined) return
    if (entry.foreign) {
      const same = [...space.entries.values()].filter(({ owner }) => owner === entry.owner).length
      if (same >= maxEntries * foreignShare) return
    }
    if (space.entries.size >= maxEntries) this.#drop(space, leastUsed(space))
    const id = this.#nextId++
    space.entries.set(id, { ...entry, uses: 0 })
    space.index.add(id, entry.descriptor)
  }

  /** The outcome of computing a hit all the same. Entries that led astray go, so that they do it once. */
  confirm(key: string, hit: SimilarHit, right: boolean): void {
    const space = this.#spaces.get(key)
    if (space === undefined) return
    space.threshold.learn(right)
    if (!right) for (const id of hit.supporters) if (space.entries.get(id)?.foreign === true) this.#drop(space, id)
  }

  #space(key: string, dims: number): Namespace | undefined {
    const known = this.#spaces.get(key)
    if (known !== undefined) return known.dims === dims ? known : undefined
    const { random, errorTarget = 0.05 } = this.#o
    const space: Namespace = {
      dims,
      index: new HyperplaneIndex({ dims, random }),
      entries: new Map(),
      threshold: new AdaptiveThreshold({ errorTarget }),
      hits: 0,
    }
    this.#spaces.set(key, space)
    return space
  }

  #drop(space: Namespace, id: number | undefined): void {
    if (id === undefined) return
    space.entries.delete(id)
    space.index.delete(id)
  }
}

function nearest(space: Namespace, descriptor: Float32Array, k: number) {
  return space.index.nearest(descriptor, k).flatMap(({ id, similarity }) => {
    const entry = space.entries.get(id)
    return entry === undefined ? [] : [{ ...entry, id, similarity }]
  })
}

/** Of equals, the oldest: a Map keeps the order of arrival. */
function leastUsed(space: Namespace): number | undefined {
  let worst: number | undefined
  let uses = Number.POSITIVE_INFINITY
  for (const [id, entry] of space.entries) {
    if (entry.uses < uses) {
      uses = entry.uses
      worst = id
    }
  }
  return worst
}
