import type { Backend } from '@roomful/core'
import {
  type EngineCounters,
  EngineError,
  type InferenceEngine,
  type LoadOptions,
  type StageSession,
} from './engine.ts'

/**
 * An engine that gives sub-models with operators it lacks to another one in the same thread, so that a plan need not know which
 * engine can run what. The other one is made when it is first needed.
 */
export class FallbackEngine implements InferenceEngine {
  readonly backend: Backend
  readonly threads: number
  readonly lost: Promise<EngineError>
  readonly #first: InferenceEngine
  readonly #open: () => Promise<InferenceEngine>
  #second: Promise<InferenceEngine> | undefined

  constructor(first: InferenceEngine, open: () => Promise<InferenceEngine>) {
    this.backend = first.backend
    this.threads = first.threads
    this.lost = first.lost
    this.#first = first
    this.#open = open
  }

  /** @throws EngineError as both engines do; `unsupported` only when neither has the operators */
  async load(stage: Uint8Array, options?: LoadOptions): Promise<StageSession> {
    try {
      return await this.#first.load(stage, options)
    } catch (error) {
      if (!(error instanceof EngineError) || error.reason !== 'unsupported') throw error
      options?.signal?.throwIfAborted()
    }
    this.#second ??= this.#open().catch((error: unknown) => {
      this.#second = undefined
      throw error
    })
    return (await this.#second).load(stage, options)
  }

  async counters(): Promise<EngineCounters> {
    const all = [this.#first, ...(this.#second === undefined ? [] : [await this.#second])]
    const counts = await Promise.all(all.map((engine) => engine.counters?.()))
    return {
      sessions: counts.reduce((sum, each) => sum + (each?.sessions ?? 0), 0),
      liveTensors: counts.reduce((sum, each) => sum + (each?.liveTensors ?? 0), 0),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#first[Symbol.asyncDispose]()
    const second = await this.#second?.catch(() => undefined)
    await second?.[Symbol.asyncDispose]()
  }
}
