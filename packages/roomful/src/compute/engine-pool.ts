import type { Backend, BackendSpeed } from '@roomful/core'
import { createEngine, EngineError, type InferenceEngine } from '@roomful/engine'
import type { EngineProvider } from '@roomful/runtime'

/** What a device can do once a backend is gone for good: WASM needs no hardware, and is started anew. */
export function speedsWithout(speeds: readonly BackendSpeed[], lost: Backend): readonly BackendSpeed[] {
  return speeds.filter(({ backend }) => backend !== lost || backend === 'ort-wasm')
}

/** This device's engines: each backend's is started when a stage first needs it, and again after it was lost. */
export class EnginePool implements EngineProvider, AsyncDisposable {
  readonly #onLost: (backend: Backend, error: EngineError) => void
  readonly #create: typeof createEngine
  readonly #engines = new Map<Backend, Promise<InferenceEngine>>()
  #speeds: readonly BackendSpeed[] = []
  #closed = false

  /** `create` starts an engine. */
  constructor(onLost: (backend: Backend, error: EngineError) => void, create = createEngine) {
    this.#onLost = onLost
    this.#create = create
  }

  /** Fastest first; WASM where nothing has been measured yet, since every browser has it. */
  get backends(): readonly Backend[] {
    return this.#speeds.length === 0 ? ['ort-wasm'] : this.#speeds.map((speed) => speed.backend)
  }

  set speeds(speeds: readonly BackendSpeed[]) {
    this.#speeds = speeds
  }

  engine(backend: Backend): Promise<InferenceEngine> {
    if (this.#closed) return Promise.reject(new EngineError('disposed', 'this device has left the room'))
    const known = this.#engines.get(backend)
    if (known !== undefined) return known
    const threads = this.#speeds.find((speed) => speed.backend === backend)?.threads
    const starting = this.#create(backend, threads === undefined ? {} : { threads })
    this.#engines.set(backend, starting)
    const forget = () => {
      if (this.#engines.get(backend) === starting) this.#engines.delete(backend)
    }
    starting.then((engine) => {
      void engine.lost.then((error) => {
        forget()
        if (!this.#closed) this.#onLost(backend, error)
      })
    }, forget)
    return starting
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const engines = await Promise.allSettled(this.#engines.values())
    this.#engines.clear()
    for (const engine of engines) if (engine.status === 'fulfilled') await engine.value[Symbol.asyncDispose]()
  }
}
