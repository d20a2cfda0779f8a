import { type Backend, type Clock, SerialQueue, systemClock } from '@roomful/core'
import type { FeatureMaps } from '@roomful/tensor'
import type { ChainOptions, ChainRun, ChainStep } from '../chain.ts'
import {
  type EngineCounters,
  EngineError,
  type InferenceEngine,
  type LoadOptions,
  type RunOptions,
  type StageRun,
  type StageSession,
} from '../engine.ts'
import { untilAborted } from '../until-aborted.ts'
import { WorkerCalls } from './calls.ts'
import { type EngineCalls, engineErrorFromWire, type HostedEngine } from './messages.ts'
import type { WorkerPort } from './port.ts'
import { StopFlag, stopChain } from './stop-flag.ts'
import { TapMemory } from './tap-memory.ts'
import { transferables } from './transfer.ts'

/** How long an engine's worker may take for each kind of work before it counts as stuck; milliseconds. */
export interface EngineTimeouts {
  /** Start of the worker and download of the runtime. Default 60,000. */
  readonly openMs: number
  /** Default 60,000. */
  readonly loadMs: number
  /** First runs compile shaders: on software WebGPU that takes 10 s and more. Default 120,000. */
  readonly runMs: number
}

const TIMEOUTS: EngineTimeouts = { openMs: 60_000, loadMs: 60_000, runMs: 120_000 }

export interface WorkerEngineOptions {
  readonly clock?: Clock
  readonly timeouts?: Partial<EngineTimeouts>
  readonly signal?: AbortSignal
}

/**
 * An engine in a Worker. The queue is kept on this side: at most one request is with the worker, so a queued one can be
 * aborted although the worker is blocked in its run.
 */
export class WorkerEngine implements InferenceEngine {
  readonly backend: Backend
  readonly threads: number
  readonly #calls: WorkerCalls<EngineCalls>
  readonly #timeouts: EngineTimeouts
  readonly #queue = new SerialQueue()
  readonly #memory = new TapMemory()
  readonly #stopFlag = StopFlag.create()

  private constructor(backend: Backend, threads: number, calls: WorkerCalls<EngineCalls>, timeouts: EngineTimeouts) {
    this.backend = backend
    this.threads = threads
    this.#calls = calls
    this.#timeouts = timeouts
  }

  /**
   * Starts an engine in the worker behind `port`, which belongs to the engine from here on.
   * @throws EngineError `unavailable`, `timeout`, `lost`; `signal.reason` when aborted
   */
  static async open(port: WorkerPort, engine: HostedEngine, options: WorkerEngineOptions = {}): Promise<WorkerEngine> {
    const { clock = systemClock, signal } = options
    const timeouts = { ...TIMEOUTS, ...options.timeouts }
    const calls = new WorkerCalls<EngineCalls>(port, {
      clock,
      name: "the engine's worker",
      toError: engineErrorFromWire,
    })
    try {
      signal?.throwIfAborted()
      const opening = calls.call('open', { engine }, { timeoutMs: timeouts.openMs })
      const { threads } = await untilAborted(opening, signal)
      return new WorkerEngine(engine.backend, threads, calls, timeouts)
    } catch (error) {
      calls.end(new EngineError('disposed', 'the engine did not start'))
      throw error
    }
  }

  get lost(): Promise<EngineError> {
    return this.#calls.lost
  }

  async load(stage: Uint8Array, options: LoadOptions = {}): Promise<StageSession> {
    const { signal, label = 'the sub-model', move = false } = options
    const { buffer } = stage
    const owned = move && buffer instanceof ArrayBuffer && buffer.byteLength === stage.byteLength
    const transfer = owned ? [buffer] : []
    const loading = this.#queue.run(
      () => this.#calls.call('load', { stage, label }, { timeoutMs: this.#timeouts.loadMs, transfer }),
      signal,
    )
    const made = loading.then((reply) => new WorkerStage(reply, label, this.#calls, this.#queue, this.#timeouts))
    return untilAborted(made, signal, (late) => late[Symbol.asyncDispose]())
  }

  async chain(steps: readonly ChainStep[], maps: FeatureMaps, options: ChainOptions = {}): Promise<ChainRun> {
    const { signal, pause, keep = [], taps = [], onTap } = options
    const handles = steps.map(({ session, takes, gives, gate }) => {
      return { session: handleOf(session, this.#calls), takes, gives, ...(gate === undefined ? {} : { gate }) }
    })
    const running = this.#queue.run(async () => {
      const turn = this.#stopFlag?.next()
      const stop = () => {
        if (turn !== undefined) return stopChain(turn)
        // Nothing waits for the answer; a worker that is gone has stopped.
        this.#calls.call('stop', {}, { timeoutMs: this.#timeouts.runMs }).catch(() => {})
      }
      const memory = this.#memory.take(taps)
      const unused = new Map(Object.entries(memory))
      const asked = this.#calls.call(
        'chain',
        { steps: handles, maps, taps, memory, ...(turn === undefined ? {} : { turn }) },
        {
          timeoutMs: this.#timeouts.runMs,
          transfer: transferables(maps, keep),
          onProgress: (part) => {
            for (const name of Object.keys(part.maps)) unused.delete(name)
            if (signal?.aborted !== true) onTap?.({ ...part, release: () => this.#memory.putMaps(part.maps) })
          },
        },
      )
      for (const told of [signal, pause]) {
        if (told?.aborted) stop()
        told?.addEventListener('abort', stop, { once: true })
      }
      try {
        const run = await asked
        for (const [name, buffer] of unused) this.#memory.put(name, buffer)
        return run
      } finally {
        for (const told of [signal, pause]) told?.removeEventListener('abort', stop)
      }
    }, signal)
    return untilAborted(running, signal)
  }

  counters(): Promise<EngineCounters> {
    return this.#queue.run(() => this.#calls.call('counters', {}, { timeoutMs: this.#timeouts.loadMs }))
  }

  /** Terminates the worker: everything it holds is freed, runs under way reject with `disposed`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls.end(new EngineError('disposed', 'the engine is disposed'))
  }
}

/** The worker's name of a session. @throws EngineError `disposed` when it is not, or no longer, one of this worker's */
function handleOf(session: StageSession, calls: WorkerCalls<EngineCalls>): number {
  const handle = session instanceof WorkerStage ? session.handleAt(calls) : undefined
  if (handle === undefined) throw new EngineError('disposed', 'a session of a chain is not with this engine')
  return handle
}

class WorkerStage implements StageSession {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly #session: number
  #released = false

  constructor(
    reply: { session: number; inputs: readonly string[]; outputs: readonly string[] },
    private readonly label: string,
    private readonly calls: WorkerCalls<EngineCalls>,
    private readonly queue: SerialQueue,
    private readonly timeouts: EngineTimeouts,
  ) {
    this.inputs = reply.inputs
    this.outputs = reply.outputs
    this.#session = reply.session
  }

  async run(inputs: FeatureMaps, options: RunOptions = {}): Promise<StageRun> {
    const { signal, keepInputs = false } = options
    if (this.#released) throw new EngineError('disposed', `${this.label}: its session is disposed`)
    const arrivedMs = performance.now()
    const running = this.queue.run(async () => {
      const waitedMs = performance.now() - arrivedMs
      const reply = await this.calls.call(
        'run',
        { session: this.#session, inputs },
        { timeoutMs: this.timeouts.runMs, transfer: transferables(inputs, keepInputs) },
      )
      return { ...reply, queueMs: waitedMs + reply.queueMs }
    }, signal)
    return untilAborted(running, signal)
  }

  handleAt(calls: WorkerCalls<EngineCalls>): number | undefined {
    return calls === this.calls && !this.#released ? this.#session : undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#released) return
    this.#released = true
    // A worker that is gone has freed its sessions.
    if (this.calls.ended !== undefined) return
    await this.queue
      .run(() => this.calls.call('release', { session: this.#session }, { timeoutMs: this.timeouts.loadMs }))
      .catch((error: unknown) => {
        if (this.calls.ended === undefined) throw error
      })
  }
}
