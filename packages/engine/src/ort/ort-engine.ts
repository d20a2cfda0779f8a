import { type Backend, SerialQueue } from '@roomful/core'
import type { FeatureMap, FeatureMaps } from '@roomful/tensor'
import { type EngineCounters, EngineError, type InferenceEngine, type StageRun, type StageSession } from '../engine.ts'
import { untilAborted } from '../until-aborted.ts'
import { ortError } from './error.ts'
import type { OrtRuntime, OrtSession, OrtTensor, SessionOptions } from './runtime.ts'
import { fromOrt, toOrt } from './tensors.ts'

export interface OrtEngineOptions {
  readonly runtime: OrtRuntime
  readonly backend: Backend
  readonly threads: number
  readonly session: SessionOptions
  /** Called once when the first session exists: WebGPU's device is known only then. */
  readonly onFirstSession?: (engine: { fail(error: EngineError): void }) => Promise<void>
  /**
   * The backend gives its device up with its last session (onnxruntime-web does so with WebGPU's): the one that is disposed last
   * is then kept until another one is built, or the engine is disposed. Default false.
   */
  readonly keepsDevice?: boolean
}

/** ONNX Runtime in this thread or process; sessions share one queue. */
export class OrtEngine implements InferenceEngine {
  readonly backend: Backend
  readonly threads: number
  readonly lost: Promise<EngineError>
  readonly #options: OrtEngineOptions
  readonly #queue = new SerialQueue()
  readonly #sessions = new Set<OrtStage>()
  readonly #tally = { liveTensors: 0 }
  /** Disposed, and not released: see `keepsDevice`. */
  #kept: OrtSession | undefined
  #announceLost: (error: EngineError) => void = () => {}
  #ended: EngineError | undefined
  #first = true

  constructor(options: OrtEngineOptions) {
    this.#options = options
    this.backend = options.backend
    this.threads = options.threads
    this.lost = new Promise((resolve) => {
      this.#announceLost = resolve
    })
  }

  async load(stage: Uint8Array, options: { signal?: AbortSignal; label?: string } = {}): Promise<StageSession> {
    const { signal, label = 'the sub-model' } = options
    const building = this.#queue.run(() => this.#build(stage, label, signal), signal)
    return untilAborted(building, signal, (late) => late[Symbol.asyncDispose]())
  }

  async #build(stage: Uint8Array, label: string, signal: AbortSignal | undefined): Promise<OrtStage> {
    if (this.#ended !== undefined) throw this.#ended
    let session: OrtSession
    try {
      session = await this.#options.runtime.InferenceSession.create(stage, this.#options.session)
    } catch (cause) {
      throw this.#judge(ortError(cause, `loading ${label} on ${this.backend}`))
    }
    if (this.#first) {
      this.#first = false
      await this.#options.onFirstSession?.({ fail: (error) => this.#fail(error) })
    }
    const built = new OrtStage(session, label, this.#queue, this.#options.runtime, this.#tally, {
      judge: (error) => this.#judge(error),
      ended: () => this.#ended,
      release: (one) => {
        this.#sessions.delete(built)
        return this.#release(one)
      },
    })
    this.#sessions.add(built)
    await this.#releaseKept()
    if (signal?.aborted) {
      await built.release()
      throw signal.reason
    }
    return built
  }

  async #release(session: OrtSession): Promise<void> {
    const isLast = this.#sessions.size === 0 && this.#ended === undefined
    if (isLast && this.#options.keepsDevice === true) this.#kept = session
    else await session.release()
  }

  async #releaseKept(): Promise<void> {
    const kept = this.#kept
    this.#kept = undefined
    try {
      await kept?.release()
    } catch (cause) {
      this.#judge(ortError(cause, 'releasing the last session of before'))
    }
  }

  /** A `lost` error ends the engine for good. */
  #judge(error: EngineError): EngineError {
    if (error.reason === 'lost') this.#fail(error)
    return error
  }

  #fail(error: EngineError): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#announceLost(error)
  }

  async counters(): Promise<EngineCounters> {
    return { sessions: this.#sessions.size, liveTensors: this.#tally.liveTensors }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= new EngineError('disposed', 'the engine is disposed')
    await this.#queue.run(async () => {
      for (const session of this.#sessions) await session.release()
      await this.#releaseKept()
    })
  }
}

interface Keeper {
  judge(error: EngineError): EngineError
  ended(): EngineError | undefined
  release(session: OrtSession): Promise<void>
}

class OrtStage implements StageSession {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  #released = false

  constructor(
    private readonly session: OrtSession,
    private readonly label: string,
    private readonly queue: SerialQueue,
    private readonly runtime: OrtRuntime,
    private readonly tally: { liveTensors: number },
    private readonly keeper: Keeper,
  ) {
    this.inputs = session.inputNames
    this.outputs = session.outputNames
  }

  async run(inputs: FeatureMaps, options: { signal?: AbortSignal } = {}): Promise<StageRun> {
    const { signal } = options
    const arrivedMs = performance.now()
    const running = this.queue.run(() => this.#compute(inputs, performance.now() - arrivedMs), signal)
    return untilAborted(running, signal)
  }

  async #compute(inputs: FeatureMaps, queueMs: number): Promise<StageRun> {
    const ended = this.keeper.ended()
    if (ended !== undefined) throw ended
    if (this.#released) throw new EngineError('disposed', `${this.label}: its session is disposed`)
    const tensors: OrtTensor[] = []
    try {
      const feeds = this.#feeds(inputs, tensors)
      const startMs = performance.now()
      const results = await this.session.run(feeds)
      const outputs: Record<string, FeatureMap> = {}
      for (const name of this.outputs) {
        const tensor = results[name]
        if (tensor === undefined) continue
        this.#hold(tensor, tensors)
        outputs[name] = fromOrt(name, tensor)
      }
      return { outputs, computeMs: performance.now() - startMs, queueMs }
    } catch (cause) {
      throw this.keeper.judge(ortError(cause, `running ${this.label}`))
    } finally {
      for (const tensor of tensors) {
        tensor.dispose()
        this.tally.liveTensors--
      }
    }
  }

  #feeds(inputs: FeatureMaps, tensors: OrtTensor[]): Record<string, OrtTensor> {
    const feeds: Record<string, OrtTensor> = {}
    for (const name of this.inputs) {
      const map = inputs[name]
      if (map === undefined) {
        throw new EngineError('shape', `${this.label} needs the input '${name}'; given: ${Object.keys(inputs)}`)
      }
      const tensor = toOrt(this.runtime, name, map)
      this.#hold(tensor, tensors)
      feeds[name] = tensor
    }
    return feeds
  }

  #hold(tensor: OrtTensor, tensors: OrtTensor[]): void {
    tensors.push(tensor)
    this.tally.liveTensors++
  }

  /** Without the queue: the caller holds it. */
  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    try {
      await this.keeper.release(this.session)
    } catch (cause) {
      // A lost device cannot give anything back; the memory is gone with it.
      this.keeper.judge(ortError(cause, `releasing ${this.label}`))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#released) await this.queue.run(() => this.release())
  }
}
