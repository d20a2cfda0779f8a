import type { Plan, Topology } from '@roomful/core'
import type { Draft } from '../evaluator/draft.ts'
import type { Evaluation } from '../evaluator/evaluation.ts'
import type { PlannableModel } from '../model/plannable.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'
import type { PlanningLimits } from './limits.ts'
import { type Refusal, refuse } from './refusal.ts'
import { Search } from './search.ts'

/** A plan that was considered and not taken. */
export interface RunnerUp {
  readonly method: string
  readonly plan: Plan
  /** How much worse than the chosen one, in ms of the objective. */
  readonly behindMs: number
}

export interface Planned {
  readonly ok: true
  readonly plan: Plan
  readonly evaluation: Evaluation
  readonly draft: Draft
  /** The trunk that the draft's indices refer to. */
  readonly model: PlannableModel
  /** Sentences for people: what was dropped and why, what was assumed. */
  readonly notes: readonly string[]
  readonly runnersUp: readonly RunnerUp[]
}

export type PartitionResult = Planned | Refusal

/** What a method hands back: a draft (of another trunk, where `model` is set) with its notes, or why there is none. */
export type Proposal =
  | {
      readonly ok: true
      readonly draft: Draft
      readonly search?: Search
      readonly notes?: readonly string[]
      readonly runnersUp?: readonly RunnerUp[]
    }
  | Refusal

export interface Method {
  readonly name: string
  /** One line with the source, for tables and docs. */
  readonly about: string
  propose(search: Search): Proposal | Promise<Proposal>
}

/** The contract of every partitioner: a plan with its prediction, or a typed reason why there is none. */
export type Partitioner = (
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  limits?: PlanningLimits,
) => Promise<PartitionResult>

export const propose = (draft: Draft, ...notes: string[]): Proposal => ({ ok: true, draft, notes })

/**
 * Runs a method and checks its draft against memory, deadline, accuracy and privacy. A method that does not choose its
 * wire format gets 16 bits where 8 would lose too much.
 */
export async function runMethod(method: Method, search: Search): Promise<PartitionResult> {
  if (!search.ready) return refuse('not-measured', 'the initiator has not measured any backend yet')
  const result = judge(method.name, search, await method.propose(search))
  if (!result.ok && result.reason === 'no-peers') return refuse('no-peers', whyNobody(search) ?? result.message)
  if (result.ok || result.reason !== 'accuracy' || search.limits.wire !== undefined) return result
  const finer = search.withLimits({ wire: { bits: 16, entropy: 'none' } })
  return judge(method.name, finer, await method.propose(finer))
}

/** Who is there and cannot help, in words; undefined where somebody can, or nobody is there. */
function whyNobody({ room, helpers }: Search): string | undefined {
  if (helpers.length > 0 || room.excluded.length === 0) return undefined
  return `nobody can help: ${room.excluded.map(({ name, why }) => `${name} ${why}`).join(', ')}`
}

/** Checks a proposal against the limits and turns it into a plan. */
export function judge(name: string, shared: Search, proposal: Proposal): PartitionResult {
  if (!proposal.ok) return proposal
  const search = proposal.search ?? shared
  if (search.best([proposal.draft]) === undefined) return search.whyNot()
  const evaluation = search.evaluator.evaluate(proposal.draft)
  const { deadlineMs } = search.limits
  const fullMs = search.fullMs(proposal.draft, evaluation)
  if (deadlineMs !== undefined && fullMs > deadlineMs) {
    return refuse('deadline', `needs ${Math.ceil(fullMs)} ms; the deadline is ${deadlineMs} ms`)
  }
  return {
    ok: true,
    plan: search.plan(proposal.draft, name, evaluation),
    evaluation,
    draft: proposal.draft,
    model: search.model,
    notes: proposal.notes ?? [],
    runnersUp: proposal.runnersUp ?? [],
  }
}

export function partitionerOf(method: Method): Partitioner {
  return (model, topology, predictor, limits = {}) => runMethod(method, new Search(model, topology, predictor, limits))
}
