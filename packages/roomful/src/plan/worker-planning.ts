import {
  type BackendSpeed,
  type Clock,
  type DeviceProfile,
  fromWire,
  type ModelDigest,
  modelDigest,
  type Plan,
  type Topology,
} from '@roomful/core'
import { EngineError, WorkerCalls, type WorkerPort, workerPort } from '@roomful/engine'
import type { Manifest } from '@roomful/model'
import type { OwnLearning } from '../device/own-learning.ts'
import type { PlanningOptions } from '../session.ts'
import type {
  ChosenPlan,
  Drift,
  MeasuredSpeed,
  ModelOutline,
  Observed,
  Planning,
  Practised,
  Training,
  TrunkGraphs,
  Wish,
} from './planning.ts'
import type { PlanningCalls } from './planning-calls.ts'
import { MAX_MODELS } from './planning-host.ts'

/** A search that takes longer is stuck; even sixteen devices are planned in a second. */
const TIMEOUT_MS = 30_000
const PRACTICE_TIMEOUT_MS = 300_000

/**
 * Planning in a Worker. When it crashes or hangs, the calls it had reject, and the next call starts a new one, which is
 * given the models again, and what was last known of this device; what it had learned of others is lost.
 */
export class WorkerPlanning implements Planning {
  readonly #spawn: () => WorkerPort
  readonly #clock: Clock
  /** What a new worker must be told. */
  readonly #models = new Map<ModelDigest, PlanningCalls['open']['request']>()
  #learned: PlanningCalls['recall']['request'] | undefined
  #calls: WorkerCalls<PlanningCalls> | undefined
  #disposed = false

  constructor(clock: Clock, spawn: () => WorkerPort = spawnPlanningWorker) {
    this.#clock = clock
    this.#spawn = spawn
  }

  async open(manifest: Manifest, graphBytes: Uint8Array, trunks: TrunkGraphs = {}): Promise<ModelOutline> {
    const outline = await this.#call('open', { manifest, graphBytes, trunks })
    const digest = modelDigest(manifest.digest)
    this.#models.delete(digest)
    this.#models.set(digest, { manifest, graphBytes, trunks })
    for (const oldest of this.#models.keys()) {
      if (this.#models.size <= MAX_MODELS) break
      this.#models.delete(oldest)
    }
    return outline
  }

  automatically(
    digest: ModelDigest,
    topology: Topology,
    options: PlanningOptions,
    current: Plan | undefined,
    trust = 1,
  ): Promise<ChosenPlan> {
    return this.#call('automatically', { digest, topology, options, current, trust })
  }

  byHand(digest: ModelDigest, topology: Topology, drawn: Wish): Promise<ChosenPlan> {
    return this.#call('byHand', { digest, topology, drawn })
  }

  alone(digest: ModelDigest, self: DeviceProfile): Promise<Plan | undefined> {
    return this.#call('alone', { digest, self })
  }

  observe(digest: ModelDigest, topology: Topology, measured: readonly Observed[]): Promise<Drift> {
    return this.#call('observe', { digest, topology, measured })
  }

  practise(
    digest: ModelDigest,
    topology: Topology,
    options: PlanningOptions,
    current: Plan,
    training: Training,
  ): Promise<Practised> {
    return this.#call('practise', { digest, topology, options, current, training }, PRACTICE_TIMEOUT_MS)
  }

  async rest(): Promise<void> {
    if (this.#calls !== undefined && this.#calls.ended === undefined) await this.#call('rest', {})
  }

  fit(measured: readonly MeasuredSpeed[]): Promise<readonly BackendSpeed[]> {
    return this.#call('fit', { measured })
  }

  async learned(self: DeviceProfile['id']): Promise<OwnLearning | undefined> {
    const learned = await this.#call('learned', { self })
    if (learned !== undefined) this.#learned = { self, learned }
    return learned
  }

  recall(self: DeviceProfile['id'], learned: OwnLearning): Promise<void> {
    this.#learned = { self, learned }
    return this.#call('recall', { self, learned })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#calls?.end(new EngineError('disposed', 'this device has left the room'))
  }

  #call<K extends keyof PlanningCalls & string>(
    kind: K,
    body: PlanningCalls[K]['request'],
    timeoutMs = TIMEOUT_MS,
  ): Promise<PlanningCalls[K]['reply']> {
    return this.#worker().call(kind, body, { timeoutMs })
  }

  #worker(): WorkerCalls<PlanningCalls> {
    const held = this.#calls
    if (held !== undefined && (held.ended === undefined || this.#disposed)) return held
    const options = { clock: this.#clock, name: 'the planning worker', toError: fromWire }
    const calls = new WorkerCalls<PlanningCalls>(this.#spawn(), options)
    this.#calls = calls
    if (this.#disposed) calls.end(new EngineError('disposed', 'this device has left the room'))
    // Messages keep their order: what is asked next finds the models.
    for (const model of this.#models.values()) calls.call('open', model, { timeoutMs: TIMEOUT_MS }).catch(() => {})
    if (this.#learned !== undefined) calls.call('recall', this.#learned, { timeoutMs: TIMEOUT_MS }).catch(() => {})
    return calls
  }
}

function spawnPlanningWorker(): WorkerPort {
  return workerPort(
    new Worker(new URL('./planning.worker.ts', import.meta.url), { type: 'module', name: 'roomful-planning' }),
  )
}
