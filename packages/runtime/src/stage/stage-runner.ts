import type { Backend, Clock, DeviceId, Span } from '@roomful/core'
import type { FeatureMap, FeatureMaps } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { Bag } from './bag.ts'
import { FairQueue } from './fair-queue.ts'
import type { PreparedStage } from './prepared-plan.ts'

export interface StageWork {
  readonly stage: PreparedStage
  readonly owner: DeviceId
  readonly input: FeatureMap
  /** The input is needed afterwards (kept, forwarded, or shared with another stage): it must not be given away. */
  readonly keepInput: boolean
  /** What its spans are marked with. */
  readonly mark: Pick<Span, 'kind'> & Partial<Pick<Span, 'volume' | 'exit'>>
  readonly signal: AbortSignal
  readonly onSpan: (span: Span) => void
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

  /**
   * The outputs of the stage's last segment, in the order its session lists them. Abort acts between segments.
   * @throws EngineError, RuntimeError `overloaded`; `signal.reason`
   */
  async run(work: StageWork): Promise<FeatureMap[]> {
    const { stage, signal } = work
    const bag = new Bag(stage, work.input, work.keepInput)
    let outputs: FeatureMap[] = []
    for (const index of stage.segments.keys()) {
      signal.throwIfAborted()
      outputs = await this.#segment(work, bag, index)
      if (outputs.length === 0) throw new RuntimeError('engine', 'a stage gave no output')
    }
    return outputs
  }

  async #segment(work: StageWork, bag: Bag, index: number): Promise<FeatureMap[]> {
    const { signal, owner, mark, onSpan, stage } = work
    const queuedMs = this.#clock.now()
    return this.#queue(stage.backend).run(
      owner,
      async () => {
        const session = stage.segments[index]?.lease.session
        if (session === undefined) throw new RuntimeError('engine', 'a stage has no such segment')
        const { inputs, keepInputs } = bag.take(index, session.inputs)
        const { outputs, computeMs } = await session.run(inputs, { signal, keepInputs })
        const endMs = this.#clock.now()
        const startMs = Math.max(queuedMs, endMs - computeMs)
        const place = { ...(mark.volume === undefined ? {} : { volume: mark.volume }) }
        if (startMs > queuedMs)
          onSpan({ device: this.#self, kind: 'queue', startMs: queuedMs, endMs: startMs, ...place })
        onSpan({ device: this.#self, startMs, endMs, ...mark })
        this.#onBusy(owner, startMs, endMs)
        return bag.give(index, ordered(session.outputs, outputs))
      },
      signal,
    )
  }

  #queue(backend: Backend): FairQueue {
    const known = this.#queues.get(backend)
    if (known !== undefined) return known
    const queue = new FairQueue(this.#limit)
    this.#queues.set(backend, queue)
    return queue
  }
}

function ordered(names: readonly string[], outputs: FeatureMaps): FeatureMap[] {
  return names.flatMap((name) => outputs[name] ?? [])
}
