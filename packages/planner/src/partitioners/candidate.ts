import type { Draft, DraftVolume } from '../evaluator/draft.ts'
import type { Search } from './search.ts'

/** A plan that `auto` looks at. */
export interface Candidate {
  readonly method: string
  readonly search: Search
  readonly draft: Draft
  /** With what is known of its kind. */
  readonly cost: number
}

export const candidate = (method: string, search: Search, draft: Draft): Candidate => ({
  method,
  search,
  draft,
  cost: search.cost(draft) * search.kindFactor(draft),
})

/** Those that keep the limits, best first. */
export const rank = (candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(({ cost }) => Number.isFinite(cost)).sort((a, b) => a.cost - b.cost)

export const isShared = ({ volumes }: Draft): boolean => volumes.some(({ shards }) => shards.length > 1)

const whoComputes = ({ shards }: DraftVolume): string => shards.map((shard) => shard.processor).join('+')

/** Plans of one kind have the same trunk and the same devices one after the other; with and without exits are two. */
export const kindOf = ({ search, draft }: Candidate): string =>
  `${search.model.trunk} ${draft.exits.length > 0} ${draft.volumes.map(whoComputes).join()}`
