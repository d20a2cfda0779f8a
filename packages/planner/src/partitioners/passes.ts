import type { Draft } from '../evaluator/draft.ts'
import type { Search } from './search.ts'

/** How one kind of move went from a draft: through all its trials in vain, or up to the first that was better. */
export interface Pass {
  readonly trials: number
  /** Those of the trials and those that the moves themselves asked for. */
  readonly evaluations: number
  readonly better?: { readonly draft: Draft; readonly cost: number }
}

const KNOWN = new WeakMap<Search, Map<string, Pass[]>>()

/**
 * Per kind of move how it went from the draft with this key, as far as that is known: climbs from different plans meet again
 * and again, and need not look at the same neighbours twice.
 */
export function passesFrom(search: Search, key: string): Pass[] {
  let known = KNOWN.get(search)
  if (known === undefined) {
    known = new Map()
    KNOWN.set(search, known)
  }
  let passes = known.get(key)
  if (passes === undefined) {
    passes = []
    known.set(key, passes)
  }
  return passes
}
