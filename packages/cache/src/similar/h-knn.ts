import type { DeviceId } from '@roomful/core'

/** A neighbour with what is known of it. */
export interface LabelledNeighbour {
  readonly similarity: number
  readonly labelIndex: number
  readonly owner: DeviceId
  readonly foreign: boolean
}

export interface AgreementRule {
  /** Neighbours that vote. */
  readonly k: number
  /** Least share of the weighted votes that the winner needs, 0..1. */
  readonly homogeneity: number
  /** Neighbours less similar than this do not vote. */
  readonly minSimilarity: number
}

export interface Agreement {
  readonly labelIndex: number
  /** Share of the votes, 0..1. */
  readonly share: number
}

/**
 * H-kNN (FoggyCache, MobiCom'18): the nearest neighbours answer only if their labels agree. Ours: votes weigh by
 * similarity; entries of other devices count only when an own entry or two different devices say the same, so that no
 * single device can answer for another.
 */
export function agree(neighbours: readonly LabelledNeighbour[], rule: AgreementRule): Agreement | undefined {
  const voters = neighbours.filter(({ similarity }) => similarity >= rule.minSimilarity).slice(0, rule.k)
  const votes = new Map<number, number>()
  let total = 0
  for (const { labelIndex, similarity } of voters) {
    votes.set(labelIndex, (votes.get(labelIndex) ?? 0) + similarity)
    total += similarity
  }
  let best: Agreement | undefined
  for (const [labelIndex, weight] of votes) {
    if (best === undefined || weight / total > best.share) best = { labelIndex, share: weight / total }
  }
  if (best === undefined || best.share < rule.homogeneity) return undefined
  const supporters = voters.filter(({ labelIndex }) => labelIndex === best.labelIndex)
  const witnesses = new Set(supporters.map(({ owner, foreign }) => (foreign ? owner : 'own')))
  return witnesses.has('own') || witnesses.size >= 2 ? best : undefined
}
