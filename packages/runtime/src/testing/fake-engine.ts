import { type Backend, type Clock, SerialQueue, sleep } from '@roomful/core'
import {
  type ChainOptions,
  type ChainPart,
  type ChainRun,
  type ChainStep,
  EngineError,
  type InferenceEngine,
  runSteps,
  type StageRun,
  type StageSession,
} from '@roomful/engine'
import type { FeatureMaps } from '@roomful/tensor'
import type { EngineProvider } from '../stage/session-pool.ts'

/** What a stage's bytes mean to a fake engine. */
export interface StageProgram {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Time of one run. */
  readonly costMs: number
  /** Time of building the session. */
  readonly buildMs: number
  run(inputs: FeatureMaps): FeatureMaps
}

export interface FakeEngineOptions {
  readonly clock: Clock
  readonly backend: Backend
  readonly program: (stage: Uint8Array) => StageProgram
}

/**
 * An engine whose results are computed by a program and whose time passes on any clock: one run at a time, abort as real
 * engines do it (at once for the caller, while the run itself goes on to its end).
 */
export class FakeEngine implements InferenceEngine {
  readonly backend: Backend
  readonly threads = 1
  readonly lost: Promise<EngineError>
  readonly #o: FakeEngineOptions
  readonly #queue = new SerialQueue()
  readonly #sessions = new Set<StageSession>()
  #fail: (error: EngineError) => void = () => {}
  #gone: EngineError | undefined
  #stalled: { readonly over: Promise<void>; readonly resume: () => void } | undefined

  constructor(options: FakeEngineOptions) {
    this.#o = options
    this.backend = options.backend
    this.lost = new Promise((resolve) => {
      this.#fail = resolve
    })
  }

  /** Sessions that nobody has disposed. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** The backend is gone for good. */
  lose(): void {
    this.#gone = new EngineError('lost', `${this.backend} is gone`)
    this.#fail(this.#gone)
  }

  /** Runs that begin from now on do not end before `resume`. */
  stall(): void {
    let resume = () => {}
    const over = new Promise<void>((resolve) => {
      resume = resolve
    })
    this.#stalled = { over, resume }
  }

  resume(): void {
    this.#stalled?.resume()
    this.#stalled = undefined
  }

  async load(stage: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<StageSession> {
    if (this.#gone !== undefined) throw this.#gone
    const program = this.#o.program(stage)
    await sleep(this.#o.clock, program.buildMs, options.signal)
    let disposed = false
    const session: StageSession = {
      inputs: program.inputs,
      outputs: program.outputs,
      run: (inputs, { signal } = {}) => {
        if (disposed) return Promise.reject(new EngineError('disposed', 'the session was disposed'))
        return this.#run(program, inputs, signal)
      },
      [Symbol.asyncDispose]: async () => {
        disposed = true
        this.#sessions.delete(session)
      },
    }
    this.#sessions.add(session)
    return session
  }

  /** What is tapped is spoilt when it is released: who reads it afterwards computes nonsense. */
  chain(steps: readonly ChainStep[], maps: FeatureMaps, options: ChainOptions = {}): Promise<ChainRun> {
    const { signal, pause, keep = [], taps = [], onTap, now } = options
    const tap = (part: ChainPart) => {
      const lent = Object.entries(part.maps).map(([name, map]) => [name, { ...map, data: map.data.slice() }] as const)
      const release = () => {
        for (const [, { data }] of lent) if (data instanceof Float32Array) data.fill(Number.NaN)
      }
      onTap?.({ ...part, maps: Object.fromEntries(lent), release })
    }
    return runSteps(steps, maps, keep, taps, { signal, onTap: tap, now, stopped: () => pause?.aborted ?? false })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sessions.clear()
  }

  async #run(program: StageProgram, inputs: FeatureMaps, signal: AbortSignal | undefined): Promise<StageRun> {
    const { clock } = this.#o
    const askedMs = clock.now()
    const run = this.#queue.run(async () => {
      if (this.#gone !== undefined) throw this.#gone
      const startMs = clock.now()
      const outputs = program.run(inputs)
      await this.#stalled?.over
      await sleep(clock, program.costMs)
      if (this.#gone !== undefined) throw this.#gone
      return { outputs, computeMs: clock.now() - startMs, queueMs: startMs - askedMs }
    }, signal)
    return abortable(run, signal)
  }
}

/** Engines by backend, fastest first; a lost one is not offered any more. */
export function fakeEngines(engines: readonly FakeEngine[]): EngineProvider & { readonly all: readonly FakeEngine[] } {
  const lost = new Set<Backend>()
  for (const engine of engines) void engine.lost.then(() => lost.add(engine.backend))
  return {
    all: engines,
    get backends() {
      return engines.map(({ backend }) => backend).filter((backend) => !lost.has(backend))
    },
    async engine(backend) {
      const engine = engines.find((other) => other.backend === backend && !lost.has(backend))
      if (engine === undefined) throw new EngineError('unavailable', `${backend} is not available`)
      return engine
    },
  }
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
