import type { Backend, ModelDigest } from '@roomful/core'
import type { InferenceEngine, StageSession } from '@roomful/engine'
import { givenBy, type StagedModel, type StagePart, takenBy } from '../model/staged-model.ts'

/** A device's backends. `engine` starts one lazily and rejects when it cannot. */
export interface EngineProvider {
  readonly backends: readonly Backend[]
  engine(backend: Backend): Promise<InferenceEngine>
}

interface Entry {
  readonly key: string
  readonly session: Promise<StageSession>
  readonly engine: () => InferenceEngine | undefined
  readonly fetchedBytes: () => number
  /** Of its sub-model, weights inside. */
  readonly bytes: () => number
  readonly backend: Backend
  holders: number
  built: boolean
  warm: boolean
  /** Aborts the build when the last holder leaves before it ends. */
  readonly building: AbortController
}

/** One holder's claim on a session; release it exactly once. */
export interface SessionLease {
  readonly session: StageSession
  /** Whose session it is. */
  readonly engine: InferenceEngine
  readonly fetchedBytes: number
  /** Whether a holder has run it before (shared by all holders). */
  warm(): boolean
  markWarm(): void
  release(): void
}

/**
 * What stays warm when no plan holds it: the parts of one network of ordinary size, which the next plan may cut at the same
 * places, and no second copy of a large one.
 */
const IDLE: IdleLimit = { sessions: 24, bytes: 48 << 20 }

export interface IdleLimit {
  readonly sessions: number
  /** Of their sub-models, weights inside. */
  readonly bytes: number
}

/**
 * Sessions by sub-model and backend, shared by all plans that need the same one. When the last plan that holds one is gone
 * it stays warm for the next plan, as far as the limit goes; the longest unused is disposed first.
 */
export class SessionPool {
  readonly #engines: EngineProvider
  readonly #limit: IdleLimit
  readonly #entries = new Map<string, Entry>()
  readonly #idle = new Map<string, Entry>()
  readonly #disposals = new Set<Promise<void>>()
  readonly #watched = new WeakSet<InferenceEngine>()

  constructor(engines: EngineProvider, idle: Partial<IdleLimit> = {}) {
    this.#engines = engines
    this.#limit = { ...IDLE, ...idle }
  }

  /** Sessions held or idle. */
  get size(): number {
    return this.#entries.size
  }

  /** Whether `acquire` would build nothing. */
  holds(model: StagedModel, part: StagePart, backend: Backend): boolean {
    return this.#entries.get(sessionKey(model.digest, part, backend))?.built === true
  }

  /** @throws what the engine or the model throws; `signal.reason` */
  async acquire(model: StagedModel, part: StagePart, backend: Backend, signal?: AbortSignal): Promise<SessionLease> {
    signal?.throwIfAborted()
    const key = sessionKey(model.digest, part, backend)
    const entry = this.#entries.get(key) ?? this.#build(key, model, part, backend)
    entry.holders++
    this.#idle.delete(key)
    let released = false
    const release = () => {
      if (released) return
      released = true
      this.#release(entry)
    }
    const onAbort = () => release()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const session = await entry.session
      signal?.throwIfAborted()
      const engine = entry.engine() ?? (await this.#engines.engine(backend))
      return {
        session,
        engine,
        fetchedBytes: entry.fetchedBytes(),
        warm: () => entry.warm,
        markWarm: () => {
          entry.warm = true
        },
        release,
      }
    } catch (error) {
      release()
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #build(key: string, model: StagedModel, part: StagePart, backend: Backend): Entry {
    const building = new AbortController()
    let fetchedBytes = 0
    let size = 0
    let owner: InferenceEngine | undefined
    const session = (async () => {
      owner = await this.#engines.engine(backend)
      const engine = owner
      this.#watch(engine)
      const { bytes, fetchedBytes: fetched } = await model.part(part, building.signal)
      fetchedBytes = fetched
      size = bytes.length
      return engine.load(bytes, { signal: building.signal, label: `${takenBy(part)}..${givenBy(part)}`, move: true })
    })()
    const entry: Entry = {
      key,
      backend,
      session,
      engine: () => owner,
      fetchedBytes: () => fetchedBytes,
      bytes: () => size,
      holders: 0,
      built: false,
      warm: false,
      building,
    }
    this.#entries.set(key, entry)
    session.then(
      () => {
        entry.built = true
      },
      () => this.#forget(entry),
    )
    return entry
  }

  #release(entry: Entry): void {
    entry.holders--
    if (entry.holders > 0) return
    const current = this.#entries.get(entry.key) === entry
    if (!current || !entry.built) {
      if (current) this.#entries.delete(entry.key)
      this.#dispose(entry)
      return
    }
    this.#idle.set(entry.key, entry)
    let bytes = 0
    for (const idle of this.#idle.values()) bytes += idle.bytes()
    for (const [key, oldest] of this.#idle) {
      if (this.#idle.size <= this.#limit.sessions && bytes <= this.#limit.bytes) break
      bytes -= oldest.bytes()
      this.#idle.delete(key)
      this.#entries.delete(key)
      this.#dispose(oldest)
    }
  }

  #watch(engine: InferenceEngine): void {
    if (this.#watched.has(engine)) return
    this.#watched.add(engine)
    void engine.lost.then(() => {
      for (const entry of this.#entries.values()) if (entry.backend === engine.backend) this.#forget(entry)
    })
  }

  /** Its backend is gone or its build failed: nobody new may have it. */
  #forget(entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
    if (this.#idle.delete(entry.key)) this.#dispose(entry)
  }

  #dispose(entry: Entry): void {
    entry.building.abort(new DOMException('no plan needs the session any more', 'AbortError'))
    const disposal = entry.session
      .then((session) => session[Symbol.asyncDispose]())
      .catch(() => {})
      .finally(() => this.#disposals.delete(disposal))
    this.#disposals.add(disposal)
  }

  /** Disposes every session, held or not, and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of this.#entries.values()) this.#dispose(entry)
    this.#entries.clear()
    this.#idle.clear()
    await Promise.all(this.#disposals)
  }
}

function sessionKey(digest: ModelDigest, part: StagePart, backend: Backend): string {
  const { trunk, rows, decoder, encoder } = part
  return JSON.stringify([
    digest,
    trunk,
    takenBy(part),
    givenBy(part),
    rows?.start,
    rows?.end,
    decoder,
    encoder,
    backend,
  ])
}
