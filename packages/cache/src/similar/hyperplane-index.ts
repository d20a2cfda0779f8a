import { gaussian, type Random } from '@roomful/core'

export interface HyperplaneIndexOptions {
  readonly dims: number
  readonly random: Random
  /** Hash tables; more find more of the true neighbours. Default 8. */
  readonly tables?: number
  /** Bits of a hash; more make buckets smaller. Default 10, at most 30. */
  readonly bits?: number
  /** Up to this many entries all are compared: exact, and as fast. Default 256. */
  readonly exhaustiveUpTo?: number
}

export interface Neighbour {
  readonly id: number
  /** Cosine, -1..1. */
  readonly similarity: number
}

/**
 * Nearest neighbours by cosine among normalised descriptors: locality-sensitive hashing with random hyperplanes
 * (Charikar 2002), where two vectors share a bit with probability 1 - angle / pi. Each table is also probed at the bucket
 * across its closest hyperplane.
 */
export class HyperplaneIndex {
  readonly #o: HyperplaneIndexOptions
  readonly #planes: readonly Float32Array[][]
  readonly #buckets: readonly Map<number, Set<number>>[]
  readonly #vectors = new Map<number, Float32Array>()

  constructor(options: HyperplaneIndexOptions) {
    const { dims, random, tables = 8, bits = 10 } = options
    this.#o = options
    const plane = () => Float32Array.from({ length: dims }, () => gaussian(random))
    this.#planes = Array.from({ length: tables }, () => Array.from({ length: bits }, plane))
    this.#buckets = Array.from({ length: tables }, () => new Map<number, Set<number>>())
  }

  get size(): number {
    return this.#vectors.size
  }

  add(id: number, vector: Float32Array): void {
    this.#vectors.set(id, vector)
    for (const [table, buckets] of this.#buckets.entries()) {
      const { hash } = this.#hash(table, vector)
      const bucket = buckets.get(hash) ?? new Set()
      bucket.add(id)
      buckets.set(hash, bucket)
    }
  }

  delete(id: number): void {
    const vector = this.#vectors.get(id)
    if (vector === undefined) return
    this.#vectors.delete(id)
    for (const [table, buckets] of this.#buckets.entries()) {
      const { hash } = this.#hash(table, vector)
      const bucket = buckets.get(hash)
      bucket?.delete(id)
      if (bucket?.size === 0) buckets.delete(hash)
    }
  }

  /** At most `k`, the most similar first. */
  nearest(vector: Float32Array, k: number): Neighbour[] {
    const found: Neighbour[] = []
    for (const id of this.#candidates(vector)) {
      const other = this.#vectors.get(id)
      if (other !== undefined) found.push({ id, similarity: dot(vector, other) })
    }
    return found.sort((a, b) => b.similarity - a.similarity || a.id - b.id).slice(0, k)
  }

  #candidates(vector: Float32Array): Iterable<number> {
    if (this.#vectors.size <= (this.#o.exhaustiveUpTo ?? 256)) return this.#vectors.keys()
    const ids = new Set<number>()
    for (const [table, buckets] of this.#buckets.entries()) {
      const { hash, weakest } = this.#hash(table, vector)
      for (const probe of [hash, hash ^ (1 << weakest)]) for (const id of buckets.get(probe) ?? []) ids.add(id)
    }
    return ids
  }

  #hash(table: number, vector: Float32Array): { hash: number; weakest: number } {
    let hash = 0
    let weakest = 0
    let margin = Number.POSITIVE_INFINITY
    for (const [bit, plane] of (this.#planes[table] ?? []).entries()) {
      const side = dot(plane, vector)
      if (side > 0) hash |= 1 << bit
      if (Math.abs(side) < margin) {
        margin = Math.abs(side)
        weakest = bit
      }
    }
    return { hash, weakest }
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}
