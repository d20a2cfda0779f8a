import type { Draft } from '../evaluator/draft.ts'
import { EXIT_MOVES, exitPointsOf, type Moves, PLAIN_MOVES } from './moves.ts'
import { type Pass, passesFrom } from './passes.ts'
import { restBounds } from './rest-bounds.ts'
import type { Search } from './search.ts'
import { structureOf } from './structure.ts'

/** A plan of which so many neighbours were looked at in vain probably has many more to look at. */
const WORTH_ANCHOR = 4

/** Drafts without a better neighbour: they need not be looked at again. */
const settled = new WeakSet<Draft>()

/**
 * Hill climbing: the first better neighbour is taken, and its kind of move is tried first on from there, until no move of
 * any kind is better or the evaluations are used up.
 */
export function improve(search: Search, draft: Draft, maxEvaluations: number): Draft {
  if (search.limits.objective === 'latency' || settled.has(draft)) return climb(search, draft, maxEvaluations, 'cost')
  const spread = climb(search, draft, maxEvaluations, 'spread')
  return climb(search, search.cost(spread) < search.cost(draft) ? spread : draft, maxEvaluations, 'cost')
}

function climb(search: Search, draft: Draft, maxEvaluations: number, by: 'cost' | 'spread'): Draft {
  if (settled.has(draft)) return draft
  const climb = new Climb(search, draft, maxEvaluations, by)
  const moves = draft.exits.length > 0 ? [...PLAIN_MOVES, ...EXIT_MOVES] : PLAIN_MOVES
  let failed = 0
  for (let kind = 0; failed < moves.length; kind = (kind + 1) % moves.length) {
    const { of, again } = moves[kind] as (typeof moves)[number]
    failed++
    for (let better = climb.pass(kind, of); better; better = again && climb.pass(kind, of)) failed = again ? 1 : 0
    if (climb.exhausted) break
    if (failed === 0) kind = -1
  }
  const best = climb.end
  if (by === 'cost' && !climb.exhausted) settled.add(best)
  return best
}

/** Where a climb has come to. */
class Climb {
  exhausted = false
  readonly #search: Search
  readonly #by: 'cost' | 'spread'
  readonly #bounded: boolean
  #best: Draft
  #bestCost: number
  #passes: Pass[]
  #left: number
  /** Neighbours of the best that were looked at. */
  #tried = 0
  /** Whether another climb has found the best: its draft is not this one's to settle. */
  #adopted = false

  constructor(search: Search, draft: Draft, maxEvaluations: number, by: 'cost' | 'spread') {
    const { objective, cache } = search.limits
    this.#search = search
    this.#by = by
    // Without exits and cache, the time of the whole network is the cost, or a part of it.
    this.#bounded = objective === 'latency' && cache === undefined && draft.exits.length === 0
    this.#best = draft
    this.#bestCost = search[by](draft)
    this.#left = maxEvaluations
    this.#passes = this.#passesHere()
  }

  get end(): Draft {
    return this.#adopted ? { ...this.#best } : this.#best
  }

  /** Moves of one kind until one is better; returns whether one was. */
  pass(kind: number, of: Moves): boolean {
    const known = this.#passes[kind]
    if (known === undefined || known.trials > this.#left) return this.#look(kind, of)
    this.#left -= known.trials
    this.#search.evaluator.count += known.evaluations
    if (this.#tried < WORTH_ANCHOR && this.#tried + known.trials >= WORTH_ANCHOR)
      this.#search.evaluator.anchor(this.#best)
    this.#tried += known.trials
    if (known.better === undefined) return false
    this.#goOn(known.better.draft, known.better.cost)
    this.#adopted = true
    return true
  }

  #look(kind: number, of: Moves): boolean {
    const search = this.#search
    const { evaluator } = search
    const { count } = evaluator
    const restMs = restBounds(search)
    const mostMs = this.#bestCost * (1 - 1e-6)
    const { objective, cache } = search.limits
    const trunk = this.#bounded ? { ms: this.#bestCost, restMs } : undefined
    const bound = objective === 'latency' && cache === undefined ? { latencyMs: mostMs, trunk } : undefined
    const by = this.#by
    let trials = 0
    for (const trial of of(search, this.#best, exitPointsOf(search, this.#best))) {
      if (--this.#left < 0) {
        this.exhausted = true
        return false
      }
      trials++
      if (++this.#tried === WORTH_ANCHOR) evaluator.anchor(this.#best)
      const cost = search[by](trial, evaluator.quick(trial, bound))
      if (cost >= mostMs) continue
      this.#passes[kind] = { trials, evaluations: evaluator.count - count, better: { draft: trial, cost } }
      this.#goOn(trial, cost)
      this.#adopted = false
      return true
    }
    this.#passes[kind] = { trials, evaluations: evaluator.count - count }
    return false
  }

  #goOn(draft: Draft, cost: number): void {
    this.#best = draft
    this.#bestCost = cost
    this.#tried = 0
    this.#passes = this.#passesHere()
  }

  #passesHere(): Pass[] {
    return passesFrom(this.#search, `${this.#by} ${this.#bounded} ${structureOf(this.#search, this.#best)}`)
  }
}
