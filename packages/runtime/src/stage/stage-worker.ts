import type { DeviceId, RequestId } from '@roomful/core'
import { type FeatureMap, verdictOf } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { besideRoutes, consumerRoutes, producerRoutes, routesPast } from '../plan/routes.ts'
import { EXACT } from '../wire/feature-codec.ts'
import type { FeatureHeader, RequestAddress } from '../wire/request-links.ts'
import {
  ActiveRequest,
  type Collecting,
  relativeSpans,
  type ShardTarget,
  type StageSpans,
  stageSpan,
  type Target,
} from './active-request.ts'
import { Activity } from './activity.ts'
import { CancelledRequests } from './cancelled.ts'
import { checkHeader, decodeInput, targetsOf } from './incoming.ts'
import { LoadReporter } from './load-reporter.ts'
import { PlanStore, type PrepareOrder } from './plan-store.ts'
import { SessionPool } from './session-pool.ts'
import { exitTask, type PassedMap, shardTasks } from './shard-tasks.ts'
import { StageRunner } from './stage-runner.ts'
import { DEFAULT_LIMITS, type WorkerLimits } from './worker-limits.ts'
import type { StageWorkerOptions } from './worker-options.ts'

/** Bytes as they came, or the map itself when it came from this device; `exclusive`: nobody else needs it. */
export type FeaturePayload = { readonly map: FeatureMap; readonly exclusive?: boolean } | { readonly blob: Uint8Array }

/**
 * A device's side of any plan: builds its stages, collects the rows that each of them needs, runs it, and sends what it
 * made to whoever the plan names. The initiator's own stages run through the same code; messages to itself are objects.
 */
export class StageWorker {
  readonly #o: StageWorkerOptions
  readonly #limits: WorkerLimits
  readonly #pool: SessionPool
  readonly #plans: PlanStore
  readonly #runner: StageRunner
  readonly #load: LoadReporter
  readonly #activity: Activity
  readonly #requests = new Map<RequestId, ActiveRequest>()
  /** Requests that have come so far. */
  #came = 0
  readonly #cancelled = new CancelledRequests()
  #incomingBytes = 0
  #closed = false

  constructor(options: StageWorkerOptions) {
    const { self, clock, library, onLoad, predictMs = () => undefined } = options
    this.#o = options
    this.#activity = new Activity(clock)
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#pool = new SessionPool(options.engines, options.idleSessions)
    this.#plans = new PlanStore({ self, clock, library, pool: this.#pool, limits: this.#limits, predictMs })
    const { jobsPerInitiator } = this.#limits
    this.#runner = new StageRunner({
      self,
      clock,
      jobsPerInitiator,
      onBusy: (owner, startMs, endMs) => this.#load.worked(owner, startMs, endMs),
    })
    this.#load = new LoadReporter({
      clock,
      self,
      queued: () => this.#runner.queued,
      report: (load, queued) => onLoad?.(load, queued),
    })
  }

  /** What it holds; all zero at rest but for plans and sessions. For tests, the page and leak checks. */
  get counts() {
    let bufferedBytes = this.#incomingBytes
    let foreign = 0
    for (const request of this.#requests.values()) {
      bufferedBytes += request.bufferedBytes
      if (request.address.initiator !== this.#o.self) foreign++
    }
    const { size: plans } = this.#plans
    return { plans, sessions: this.#pool.size, requests: this.#requests.size, foreign, bufferedBytes }
  }

  get load(): number {
    return this.#load.load
  }

  /** Since when this device has had no part in any request, in milliseconds. */
  get idleMs(): number {
    return this.#activity.idleMs
  }

  prepare(order: PrepareOrder, signal?: AbortSignal): Promise<{ buildMs: number; fetchedBytes: number }> {
    if (this.#closed) return Promise.reject(new RuntimeError('closed', 'this device has left'))
    return this.#plans.prepare(order, signal)
  }

  retire(order: Pick<PrepareOrder, 'planId' | 'initiator'>): void {
    this.#plans.retire(order.planId, order.initiator)
  }

  cancel(requestId: RequestId, initiator: DeviceId): void {
    const request = this.#requests.get(requestId)
    if (request !== undefined && request.address.initiator !== initiator) return
    this.#cancelled.add(initiator, requestId)
    if (request !== undefined) this.#end(request, new DOMException('the initiator cancelled the request', 'AbortError'))
  }

  /** A device is gone: its plans and requests go with it. */
  peerGone(id: DeviceId): void {
    for (const request of this.#requests.values()) {
      if (request.address.initiator === id) this.#end(request, new RuntimeError('lost', `${id} is gone`))
    }
    this.#plans.retireAllOf(id)
  }

  /** Rows of a feature map have come, for stages, exits or the relay of this device. Never throws: it tells the initiator. */
  feature(header: FeatureHeader, payload: FeaturePayload, from: DeviceId): void {
    const { initiator, requestId } = header
    if (this.#closed || this.#cancelled.has(initiator, requestId)) return
    let request: ActiveRequest
    try {
      request = this.#enter(header, payload, from)
    } catch (error) {
      // Only who may speak for a request can end it: what a stranger garbles is dropped.
      const garbled = error instanceof RuntimeError && error.reason === 'malformed'
      if (!garbled || from === initiator) this.#o.links.failed(header, error)
      return
    }
    this.#follow(request, this.#receive(request, header, payload))
  }

  /** Counts work of a request, and ends the request where it fails. */
  #follow(request: ActiveRequest, work: Promise<void>): void {
    request.begin()
    void work.then(
      () => this.#finished(request),
      (error: unknown) => this.#failed(request, error),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const reason = new RuntimeError('closed', 'this device has left')
    for (const request of this.#requests.values()) this.#end(request, reason)
    this.#plans.retireAll()
    this.#load.close()
    await this.#pool[Symbol.asyncDispose]()
  }

  #enter(header: FeatureHeader, payload: FeaturePayload, from: DeviceId): ActiveRequest {
    const { requestId, planId, initiator, remainingMs } = header
    const plan = this.#plans.peek(planId)
    if (plan === undefined) throw new RuntimeError('unknown-plan', `plan ${planId} is not prepared on this device`)
    checkHeader(header, plan, from, this.#o.self)
    const known = this.#requests.get(requestId)
    if (known !== undefined) {
      if (known.address.planId !== planId) throw new RuntimeError('malformed', 'a request has one plan')
      this.#admitBytes(payload)
      return known
    }
    if (this.#plans.active(planId) >= this.#limits.requestsPerPlan) {
      throw new RuntimeError('overloaded', `${this.#limits.requestsPerPlan} requests of this plan are under way here`)
    }
    this.#admitBytes(payload)
    this.#plans.enter(planId)
    const { clock } = this.#o
    const address: RequestAddress = { requestId, planId, initiator, deadlineAtMs: clock.now() + remainingMs }
    const request: ActiveRequest = new ActiveRequest(address, plan, this.#came++, clock, () =>
      this.#end(request, new RuntimeError('deadline', 'the request has run out of time')),
    )
    this.#requests.set(requestId, request)
    this.#activity.begin()
    return request
  }

  #admitBytes(payload: FeaturePayload): void {
    if ('map' in payload) return
    const bytes = this.counts.bufferedBytes + payload.blob.length
    if (bytes > this.#limits.bufferedBytes) {
      throw new RuntimeError('overloaded', `${bytes} bytes of feature maps wait here already`)
    }
  }

  async #receive(request: ActiveRequest, header: FeatureHeader, payload: FeaturePayload): Promise<void> {
    const { clock, self } = this.#o
    const { initiator: owner } = request.address
    const cameMs = clock.now()
    const { volume } = header
    const targets = targetsOf(header)
    const stages = targets.map((target) => ({ target, stage: request.collecting(target, cameMs) }))
    const map = 'map' in payload ? payload.map : await this.#decode(request, header, payload.blob)
    const decodedMs = clock.now()
    request.signal.throwIfAborted()
    const shared = targets.length > 1 || !('map' in payload ? payload.exclusive : owner !== self)
    for (const { target, stage } of stages) {
      if ('blob' in payload) stage.spans.push(stageSpan(self, 'decode', cameMs, decodedMs, volume))
      const input = stage.assembler.add(map, header.rows)
      if (input === undefined) continue
      request.complete(target)
      if (cameMs > stage.originMs) stage.spans.push(stageSpan(self, 'wait', stage.originMs, cameMs, volume))
      this.#start(request, target, stage, input, shared)
    }
  }

  #start(request: ActiveRequest, target: Target, stage: Collecting, input: FeatureMap, shared: boolean): void {
    const work =
      target.kind === 'shard'
        ? this.#runShard(request, target, stage, input, shared)
        : target.kind === 'exit'
          ? this.#runExit(request, target.volume, target.exit, stage, input)
          : this.#relay(request, target.volume, stage, input)
    this.#follow(request, work)
  }

  async #runShard(request: ActiveRequest, at: ShardTarget, stage: Collecting, input: FeatureMap, shared: boolean) {
    const { signal, address, plan } = request
    const { layout } = plan
    const { self, clock, isWatched = false } = this.#o
    const { initiator: owner } = address
    const passed = (on: PassedMap) => this.#passedOn(request, on)
    const { tasks, spans, cut, exits } = shardTasks({ ...at, plan, self, clock, first: stage, isWatched, passed })
    const { outputs, endedAt } = await this.#runner.run({ tasks, by: request.by, input, keepInput: shared, signal })
    const sure = endedAt && exits.get(endedAt)
    if (sure !== undefined) return this.#sendResult(request, sure.exit, true, outputs, sure.spans)
    const rows = layout.shards[cut - 1]?.[at.shard]?.rows
    if (cut === layout.shards.length) return this.#sendResult(request, 'final', true, outputs, spans, rows)
    const [map] = outputs
    if (map === undefined) throw new RuntimeError('engine', 'a stage gave no output')
    if (rows === undefined) this.#whole(request, cut, map)
    // The initiator keeps what it made, for recovery.
    const exclusive = owner !== self
    await this.#forward(request, spans, producerRoutes(layout, cut, rows), map, rows, exclusive)
  }

  /** A map between two volumes that run here one after the other: the second has begun, exits and recovery get the map. */
  #passedOn(request: ActiveRequest, { cut, map, ended, release }: PassedMap): void {
    if (request.signal.aborted) return
    // What still reads it when the request ends here has been cancelled, and nobody looks at what it gives.
    if (!this.#whole(request, cut, map) && release !== undefined) request.atEnd(release)
    this.#follow(request, this.#forward(request, ended, besideRoutes(request.plan.layout, cut), map, undefined))
  }

  async #runExit(request: ActiveRequest, volume: number, exit: string, stage: Collecting, input: FeatureMap) {
    const { layout } = request.plan
    const tasks = [exitTask(request.plan, volume, exit, stage)]
    const here = layout.cuts[volume]?.exits.find(({ placement }) => placement.exit === exit)
    if (here === undefined) throw new RuntimeError('malformed', `exit ${exit} is not here`)
    this.#whole(request, volume, input)
    const { outputs } = await this.#runner.run({
      tasks,
      by: request.by,
      input,
      keepInput: true,
      signal: request.signal,
    })
    const [logits] = outputs
    if (logits === undefined) throw new RuntimeError('engine', `exit ${exit} gave no output`)
    const confident = verdictOf(logits, here.exit.temperature).confidence >= here.placement.threshold
    const onwards = confident ? [] : routesPast(layout, volume, exit)
    const forwards = onwards.length > 0
    const verdict = this.#sendResult(request, exit, confident, outputs, forwards ? undefined : stage)
    if (forwards) await this.#forward(request, stage, onwards, input, undefined)
    await verdict
  }

  /** `route: 'leader'`: the initiator has all rows and sends them on. */
  async #relay(request: ActiveRequest, volume: number, stage: Collecting, map: FeatureMap): Promise<void> {
    this.#whole(request, volume, map)
    await this.#forward(request, stage, consumerRoutes(request.plan.layout, volume), map, undefined)
  }

  async #forward(
    request: ActiveRequest,
    stage: StageSpans,
    routes: ReturnType<typeof producerRoutes>,
    map: FeatureMap,
    rows: { start: number; end: number } | undefined,
    exclusive = false,
  ): Promise<void> {
    const { links } = this.#o
    const volume = routes[0]?.volume ?? 0
    const wire = request.plan.layout.plan.volumes[volume - 1]?.wire ?? EXACT
    await links.feature(
      request.address,
      routes,
      { map, rows, wire, exclusive },
      {
        signal: request.signal,
        onSpan: (span) => stage.spans.push(span),
        encoded: () => links.spans(request.address, relativeSpans(stage), stage.originMs),
      },
    )
  }

  async #sendResult(
    request: ActiveRequest,
    exit: string,
    confident: boolean,
    outputs: readonly FeatureMap[],
    stage: StageSpans | undefined,
    rows?: { start: number; end: number },
  ): Promise<void> {
    const { requestId, planId } = request.address
    const spans = stage === undefined ? [] : relativeSpans(stage)
    const header = { requestId, planId, exit, confident, spans, ...(rows === undefined ? {} : { rows }) }
    await this.#o.links.result(request.address, header, outputs, stage?.originMs ?? this.#o.clock.now())
  }

  /** Whether the initiator, if that is this device, keeps the map. */
  #whole(request: ActiveRequest, volume: number, map: FeatureMap): boolean {
    return request.address.initiator === this.#o.self && this.#o.onWhole?.(request.id, volume, map) === true
  }

  async #decode(request: ActiveRequest, header: FeatureHeader, blob: Uint8Array): Promise<FeatureMap> {
    const { codec, pictures } = this.#o
    this.#incomingBytes += blob.length
    try {
      const { plan, signal } = request
      const maxPixels = this.#limits.picturePixels
      return await decodeInput({ plan, header, blob, codec, pictures, maxPixels, signal })
    } finally {
      this.#incomingBytes -= blob.length
    }
  }

  #finished(request: ActiveRequest): void {
    request.done()
    if (request.idle) this.#forget(request)
  }

  #failed(request: ActiveRequest, error: unknown): void {
    request.done()
    if (!this.#requests.has(request.id)) return
    this.#o.links.failed(request.address, error)
    this.#cancelled.add(request.address.initiator, request.id)
    this.#end(request, error)
  }

  #end(request: ActiveRequest, reason: unknown): void {
    this.#forget(request)
    request.end(reason)
  }

  #forget(request: ActiveRequest): void {
    if (this.#requests.get(request.id) !== request) return
    this.#requests.delete(request.id)
    this.#activity.end()
    request.stopTimer()
    request.release()
    this.#plans.leave(request.address.planId)
  }
}
