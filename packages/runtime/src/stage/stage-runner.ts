import type { Backend, Clock, DeviceId, Span } from '@roomful/core'
import { type ChainGate, type ChainPart, type ChainRun, type ChainStep, runChain, type TapPart } from '@roomful/engine'
import type { FeatureMap, FeatureMaps } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { FairQueue, type JobOwner } from './fair-queue.ts'
import type { PreparedStage } from './prepared-plan.ts'
import type { SessionLease } from './session-pool.ts'

/** What the spans of a stage are marked with. */
export type SpanMark = Pick<Span, 'kind'> & Partial<Pick<Span, 'volume' | 'exit'>>

/** One stage of the work, and who is told of it. */
export interface StageTask {
  readonly stage: PreparedStage
  readonly mark: SpanMark
  readonly onSpan: (span: Span) => void
  /**
   * Its output, as soon as it is there, while the next stage runs already. Not called for the last. `release`: as in `TapPart`.
   */
  readonly onOutput?: (map: FeatureMap, release?: () => void) => void
  /** An exit's, between two stages: it takes what the next stage takes too, and when it is sure the rest is not run. */
  readonly gate?: ChainGate
}

export interface StageResult {
  /** Of the last session that has run, in the order in which it lists them. */
  readonly outputs: readonly FeatureMap[]
  /** The task at whose gate the work ended; absent: all of it has run. */
  readonly endedAt?: StageTask
}

export interface StageWork {
  /** On one backend; each takes what one before it gives. */
  readonly tasks: readonly StageTask[]
  readonly by: JobOwner
  readonly input: FeatureMap
  /** The input is needed afterwards (kept, forwarded, or shared with another stage): it must not be given away. */
  readonly keepInput: boolean
  readonly signal: AbortSignal
}

/** A session of the work with the task it belongs to. */
interface Step extends ChainStep {
  readonly lease: SessionLease
  readonly task: StageTask
  /** The last of its task. */
  readonly ends: boolean
}

/** Runs stages segment by segment, one at a time per backend, taking turns among initiators. */
export class StageRunner {
  readonly #self: DeviceId
  readonly #clock: Clock
  readonly #limit: number
  readonly #onBusy: (owner: DeviceId, startMs: number, endMs: number) => void
  readonly #queues = new Map<Backend, FairQueue>()

  constructor(options: {
    self: DeviceId
    clock: Clock
    jobsPerInitiator: number
    /** A stretch of compute for `owner` has ended. */
    onBusy: (owner: DeviceId, startMs: number, endMs: number) => void
  }) {
    this.#self = options.self
    this.#clock = options.clock
    this.#limit = options.jobsPerInitiator
    this.#onBusy = options.onBusy
  }

  /** Jobs waiting or running, over all backends. */
  get queued(): number {
    let count = 0
    for (const queue of this.#queues.values()) count += queue.waiting + (queue.busy ? 1 : 0)
    return count
  }

  /** Abort acts between sessions. @throws EngineError, RuntimeError `overloaded`; `signal.reason` */
  async run(work: StageWork): Promise<StageResult> {
    const { signal, by, tasks, input } = work
    const [first] = tasks
    if (first === undefined) throw new RuntimeError('engine', 'there is nothing to run')
    let rest = stepsOf(tasks)
    let maps: FeatureMaps = { [first.stage.from]: input }
    const keep = work.keepInput ? [first.stage.from] : []
    let endedAt: StageTask | undefined
    while (rest.length > 0) {
      const queuedMs = this.#clock.now()
      const run = await this.#queue(first.stage.backend).run(
        by,
        (crowded) => this.#chain(work, rest, maps, keep, queuedMs, crowded),
        signal,
      )
      if (run.ended) endedAt = rest[run.done - 1]?.task
      rest = run.ended ? [] : rest.slice(run.done)
      maps = run.maps
    }
    const outputs = Object.values(maps)
    if (outputs.length === 0) throw new RuntimeError('engine', 'a stage gave no output')
    return endedAt === undefined ? { outputs } : { outputs, endedAt }
  }

  /** Runs as many of the steps as it can without keeping anybody waiting. */
  async #chain(
    { signal, by: { owner } }: StageWork,
    steps: readonly Step[],
    maps: FeatureMaps,
    keep: readonly string[],
    queuedMs: number,
    pause: AbortSignal,
  ): Promise<ChainRun> {
    const engine = steps[0]?.lease.engine
    if (engine === undefined) throw new RuntimeError('engine', 'there is nothing to run')
    const teller = new SpanTeller(this.#self, steps, queuedMs, (startMs, endMs) => this.#onBusy(owner, startMs, endMs))
    const taps = steps.flatMap(({ ends, gives, task }) => (ends && task.onOutput !== undefined ? gives : []))
    const onTap = (part: TapPart) => {
      const { ends, task, gives } = teller.tell(part, this.#clock.now()) ?? {}
      const map = part.maps[gives?.[0] ?? '']
      if (ends && map !== undefined) task?.onOutput?.(map, part.release)
    }
    const now = () => this.#clock.now()
    try {
      const run = await runChain(engine, steps, maps, { signal, pause, keep, taps, onTap, now })
      teller.tell(run, now())
      return run
    } catch (error) {
      // What ran until it was cancelled was work too.
      this.#onBusy(owner, teller.endMs, now())
      throw error
    }
  }

  #queue(backend: Backend): FairQueue {
    const known = this.#queues.get(backend)
    if (known !== undefined) return known
    const queue = new FairQueue(this.#limit)
    this.#queues.set(backend, queue)
    return queue
  }
}

/** The steps' own names stay: those of a stage are of one graph, and the next stage's input is this one's output. */
function stepsOf(tasks: readonly StageTask[]): Step[] {
  return tasks.flatMap((task) =>
    task.stage.segments.map(({ lease, takes, gives }, index, all) => {
      const ends = index === all.length - 1
      const gate = ends && task.gate !== undefined ? { gate: task.gate } : {}
      return { session: lease.session, takes, gives, ...gate, lease, task, ends }
    }),
  )
}

/** Tells when the steps of a chain ran, on this thread's clock; gaps between them are time in the queue. */
class SpanTeller {
  readonly #self: DeviceId
  readonly #steps: readonly Step[]
  readonly #onBusy: (startMs: number, endMs: number) => void
  #told = 0
  #endMs: number

  /** Until when has been told. */
  get endMs(): number {
    return this.#endMs
  }

  constructor(
    self: DeviceId,
    steps: readonly Step[],
    queuedMs: number,
    onBusy: (startMs: number, endMs: number) => void,
  ) {
    this.#self = self
    this.#steps = steps
    this.#endMs = queuedMs
    this.#onBusy = onBusy
  }

  /** The last step that the part tells of. */
  tell(part: ChainPart, nowMs: number): Step | undefined {
    let step: Step | undefined
    for (const { computeMs, agoMs } of part.steps) {
      step = this.#steps[this.#told++]
      const endMs = Math.max(this.#endMs, nowMs - agoMs)
      const startMs = Math.max(this.#endMs, endMs - computeMs)
      const { mark, onSpan } = step?.task ?? {}
      if (mark === undefined || onSpan === undefined) continue
      const place = mark.volume === undefined ? {} : { volume: mark.volume }
      if (startMs > this.#endMs)
        onSpan({ device: this.#self, kind: 'queue', startMs: this.#endMs, endMs: startMs, ...place })
      onSpan({ device: this.#self, startMs, endMs, ...mark })
      this.#onBusy(startMs, endMs)
      this.#endMs = endMs
    }
    return step
  }
}
