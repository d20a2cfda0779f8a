import type { Plan, Span } from '@roomful/core'
import { modelMacs, type PlannableModel, segmentAt } from '../model/plannable.ts'
import { rowsMacs } from '../model/row-tables.ts'
import { ComputeCosts } from './costs.ts'
import { type Draft, type DraftVolume, toPlan } from './draft.ts'
import type { Evaluation, EvaluatorOptions, QuickEvaluation, Timeline } from './evaluation.ts'
import { expectedLatency } from './expectation.ts'
import type { Bound } from './least.ts'
import type { Room } from './room.ts'
import { Run } from './run.ts'
import { SEGMENT_MS } from './sessions.ts'

/**
 * Predicts a draft's timeline: computes on each processor in turn, transfers over contended links, halos from every
 * overlapping producer, the gather of shards, the leader's detour and the exits on their processors. Deterministic.
 *
 * One request on an idle room gives the latency; the busy times of all resources give the throughput of a full
 * pipeline, weighted with the probability that a request is still alive when a stretch of work begins.
 */
export class Evaluator {
  readonly model: PlannableModel
  readonly room: Room
  readonly costs: ComputeCosts
  readonly #options: EvaluatorOptions
  readonly #run: Run
  readonly #modelMacs: number
  /** Evaluations so far, for the reports of the searches. */
  count = 0

  constructor(model: PlannableModel, room: Room, options: EvaluatorOptions = {}) {
    this.model = model
    this.room = room
    this.costs = new ComputeCosts(model, room, options.segmentMs ?? SEGMENT_MS)
    this.#options = options
    this.#run = new Run(model, room, this.costs)
    this.#modelMacs = modelMacs(model)
  }

  /**
   * What the searches need, without multiply-accumulates, memory figures and names. A draft that cannot keep the bound is
   * given up as not feasible.
   */
  quick(draft: Draft, bound?: Bound): QuickEvaluation {
    return this.#play(draft, undefined, bound)
  }

  /** Makes evaluations of drafts that share this one's first volumes (the same objects) cheaper, until the next call. */
  anchor(draft: Draft): void {
    this.#run.anchor(draft)
  }

  /** The same for drafts with exits alone, that share this one's first volumes and the exits between them. */
  exitAnchor(draft: Draft): void {
    this.#run.exitAnchor(draft)
  }

  /** Of the first volumes of a plan: when all their output is computed, and how busy the busiest resource is. */
  prefix(draft: Draft): { readonly readyMs: number; readonly busiestMs: number } {
    this.count++
    const readyMs = this.#run.playPrefix(draft)
    return { readyMs, busiestMs: this.#run.transfers.busiestMs() }
  }

  /** Until when each of these processors is busy with the first volumes of a plan. */
  finishTimes(draft: Draft, processors: readonly number[]): number[] {
    this.count++
    this.#run.playPrefix(draft)
    return processors.map((processor) => this.#run.transfers.freeMs(processor))
  }

  /** Work per request of every resource of the room, ms, always in the same order; undefined where the draft cannot run. */
  loads(draft: Draft): readonly number[] | undefined {
    return this.#play(draft).feasible ? this.#run.transfers.loads() : undefined
  }

  evaluate(draft: Draft): Evaluation {
    return this.#complete(draft, this.#play(draft))
  }

  /** The same with the spans of one request that leaves at no exit. */
  timeline(draft: Draft): Timeline {
    const spans: Span[] = []
    const evaluation = this.#complete(draft, this.#play(draft, spans))
    return { ...evaluation, spans: spans.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs) }
  }

  /** The Plan of a draft with its prediction. */
  plan(draft: Draft, method: string, evaluation: QuickEvaluation = this.quick(draft)): Plan {
    const { latencyMs, fullMs, throughputPerSecond, bytes } = evaluation
    return toPlan(draft, this.model, this.room, method, { latencyMs, fullMs, throughputPerSecond, bytes })
  }

  #play(draft: Draft, spans?: Span[], bound?: Bound): QuickEvaluation {
    this.count++
    const run = this.#run
    run.play(draft, spans, bound)
    if (run.isGivenUp) return GIVEN_UP
    const why = Number.isFinite(run.fullMs) ? run.memory.overflow() : run.transfers.whyNever()
    if (why !== undefined) return infeasible(why)
    const busiestMs = run.transfers.busiestMs()
    const answerMs = expectedLatency(run.exitMs, run.shares, run.fullMs, this.#options.cache)
    const workMs = run.transfers.busiestCpuMs() * (1 - (this.#options.cache?.hitRate ?? 0))
    return {
      feasible: true,
      latencyMs: workMs === 0 ? answerMs : inTurns(withStalls(answerMs, run.transfers.throttledMs()), workMs),
      fullMs: run.fullMs,
      throughputPerSecond: busiestMs > 0 ? 1000 / busiestMs : 0,
      bytes: Math.round(run.transfers.bytes),
      busyMs: this.#options.objective === 'latency' ? 0 : run.transfers.busyMs(),
      accuracyLoss: this.model.trunkLoss + (draft.exitLoss ?? 0) + Math.sqrt(run.noise),
    }
  }

  #complete(draft: Draft, quick: QuickEvaluation): Evaluation {
    let macs = 0
    for (const volume of draft.volumes.slice(0, this.#run.volumesRun)) macs += this.#volumeMacs(volume)
    return {
      ...quick,
      busyMs: quick.feasible ? this.#run.transfers.busyMs() : quick.busyMs,
      macs,
      macsRedundant: Math.max(0, macs - this.#modelMacs),
      exitMs: quick.feasible ? [...this.#run.exitMs] : [],
      memoryBytes: this.#run.memory.bytes(),
      bottleneck: quick.feasible ? this.#run.transfers.bottleneck() : '',
    }
  }

  #volumeMacs({ from, to, shards }: DraftVolume): number {
    let macs = 0
    for (const shard of shards) {
      let low = shard.start
      let high = shard.end
      for (let i = to - 1; i >= from; i--) {
        const segment = segmentAt(this.model, i)
        const tables = shards.length === 1 ? undefined : segment.tables()
        if (tables === undefined) {
          macs += segment.macs
          continue
        }
        macs += rowsMacs(tables, low, high)
        low = tables.needStart[low] as number
        high = tables.needEnd[high] as number
      }
    }
    return macs
  }
}

/** How long a processor that has used up its quota waits at most until it gets more, of which a stage has half to wait in the mean. [ours] */
const HALF_PERIOD_MS = 50

/**
 * A stage that comes to a throttled processor finds nothing saved up as often as that is busy, and waits. With `t` the time of answers in
 * a closed loop, `t = answerMs + HALF_PERIOD_MS * throttledMs / t`. [ours]
 */
function withStalls(answerMs: number, throttledMs: number): number {
  return throttledMs === 0 ? answerMs : (answerMs + Math.sqrt(answerMs ** 2 + 4 * HALF_PERIOD_MS * throttledMs)) / 2
}

/**
 * Mean time of answers that are asked for one after the other: no less than one answer takes and no less than the work keeps
 * its processor busy, and a little more where the two are alike, since they seldom fall together. [ours]
 */
function inTurns(answerMs: number, workMs: number): number {
  const [more, less] = answerMs > workMs ? [answerMs, workMs] : [workMs, answerMs]
  return more * (1 + (less / more) ** 8) ** (1 / 8)
}

function infeasible(why: string): QuickEvaluation {
  return {
    feasible: false,
    why,
    latencyMs: Number.POSITIVE_INFINITY,
    fullMs: Number.POSITIVE_INFINITY,
    throughputPerSecond: 0,
    bytes: 0,
    busyMs: Number.POSITIVE_INFINITY,
    accuracyLoss: 0,
  }
}

const GIVEN_UP = infeasible('takes longer than what is known')
