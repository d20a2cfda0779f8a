import {
  type BackendSpeed,
  type DeviceProfile,
  type ModelDigest,
  modelDigest,
  type Plan,
  type Topology,
} from '@roomful/core'
import { analyse, readModel } from '@roomful/graph'
import type { Manifest } from '@roomful/model'
import {
  fitQuality,
  fitSustained,
  fittedSpeed,
  IN_BROWSERS,
  KindLearning,
  LinkLearning,
  messageFactorOf,
  OnlineCorrection,
  type PlannableModel,
  planKind,
  plannableModel,
  predictPlan,
  RoomPredictor,
  type RoomPredictorOptions,
  withMessages,
} from '@roomful/planner'
import { type OwnLearning, speedKey } from '../device/own-learning.ts'
import { type PlanningOptions, RoomfulError } from '../session.ts'
import { describePlan, type PlanningModel, planAlone, planAutomatically, planByHand, seenWords } from './plan-model.ts'
import {
  type ChosenPlan,
  type Drift,
  LEARNED,
  type MeasuredSpeed,
  type ModelOutline,
  type Observed,
  type Planning,
  type Practised,
  type RequestMean,
  type Training,
  type TrunkGraphs,
  type Wish,
} from './planning.ts'
import { practiseOn } from './practise-on.ts'
import { predictCompute } from './predict-compute.ts'
import { stillGood } from './still-good.ts'

/** Models that are remembered: the newest, and those whose requests may still be answered. */
export const MAX_MODELS = 4

/** Backends whose speeds are remembered; far more than a room has. */
const MAX_SPEEDS = 256

/** Means of requests after which what messages cost is known, whether or not they go on being sent. */
const SETTLED_RUNS = 4

/** What predictions of a backend were multiplied with: its correction, and what its load makes of it. */
interface Factors {
  readonly factor: number
  readonly load: number
  readonly loaded: number
}

/** Planning in the calling thread: what the Worker hosts, and what tests use. */
export class PlanningHost implements Planning {
  readonly #models = new Map<ModelDigest, PlanningModel>()
  #correction = new OnlineCorrection()
  readonly #links = new LinkLearning()
  #kinds = new KindLearning()
  /** Factors by device and backend at the last automatic plan, and what was known of kinds of plans. */
  #planned = new Map<string, Factors>()
  #plannedKinds = new KindLearning()
  /** Speeds as they were last seen, by device and backend. */
  readonly #speeds = new Map<string, string>()
  #practice = new AbortController()

  async open(manifest: Manifest, graphBytes: Uint8Array, trunkGraphs: TrunkGraphs = {}): Promise<ModelOutline> {
    const digest = modelDigest(manifest.digest)
    const trunks = new Map(Object.entries(trunkGraphs).map(([name, bytes]) => [name, analyse(readModel(bytes))]))
    const plannable = plannableModel(analyse(readModel(graphBytes)), { manifest, digest, trunks })
    this.#models.delete(digest)
    this.#models.set(digest, {
      plannable,
      thresholds: new Map(manifest.exits.map(({ name, threshold }) => [name, threshold])),
    })
    for (const oldest of this.#models.keys()) {
      if (this.#models.size <= MAX_MODELS) break
      this.#models.delete(oldest)
    }
    return {
      digest,
      points: plannable.points.map(({ tensor, shape, elements }) => ({ tensor, shape, elements })),
      segments: plannable.segments.map(({ macs }) => ({ macs })),
    }
  }

  async automatically(
    digest: ModelDigest,
    topology: Topology,
    options: PlanningOptions,
    current: Plan | undefined,
    trust = 1,
  ): Promise<ChosenPlan> {
    const model = this.#model(digest)
    const predictor = this.#knowing(topology)
    this.#planned = this.#factors(topology)
    this.#plannedKinds = new KindLearning(this.#kinds)
    // What practice has taught the room is one of the plans that the search begins with.
    const known = current?.method === LEARNED ? [current] : []
    const chosen = await planAutomatically(model, topology, predictor, options, { known })
    const kept =
      current === undefined || chosen.schedule !== undefined
        ? undefined
        : stillGood(current, chosen, model, topology, predictor, options, this.#trustIn(current, topology, trust))
    const plan = kept ?? chosen.plan
    const words = kept === undefined ? chosen.words : [describePlan(kept, topology), ...chosen.words.slice(1)]
    const seen = chosen.schedule === undefined ? seenWords(plan, topology, predictor) : []
    return { ...chosen, plan, words: [...words, ...seen] }
  }

  async byHand(digest: ModelDigest, topology: Topology, drawn: Wish): Promise<ChosenPlan> {
    return planByHand(this.#model(digest), topology, this.#knowing(topology), drawn)
  }

  async alone(digest: ModelDigest, self: DeviceProfile): Promise<Plan | undefined> {
    return planAlone(this.#model(digest), self)
  }

  async observe(digest: ModelDigest, topology: Topology, measured: readonly Observed[]): Promise<Drift> {
    const { plannable } = this.#model(digest)
    // What is measured is the time inside the engine.
    const predictor = this.#predictor(topology, { bursts: true })
    const idle = this.#predictor(topology, { loadFactor: () => 1 })
    const idleRuns = predictCompute(plannable, topology, idle, measured)
    for (const [at, run] of predictCompute(plannable, topology, predictor, measured).entries()) {
      const { one, soonestMs } = run
      // Between a burst and what is sustained nothing tells how fast the processor is.
      const predictedMs = Math.max(soonestMs, Math.min(run.predictedMs, one.ms))
      const idleMs = idleRuns[at]?.predictedMs ?? predictedMs
      const load = topology.devices.find(({ id }) => id === one.device)?.load ?? 0
      // A load of 0 may also mean that this browser cannot tell (no Compute Pressure): then the ratio tells it with the speed.
      const utilisation = load > 0 ? { utilisation: load } : {}
      this.#correction.observe(keyOf(one.device, one.backend), {
        predictedMs,
        idleMs,
        observedMs: one.ms,
        ...utilisation,
      })
    }
    for (const one of measured) {
      if (one.kind === 'transfer') this.#links.observe(one.from, one.to, { ...one, idleMs: one.idleMs ?? 0 })
    }
    const requests = measured.filter((one) => one.kind === 'requests' && one.plan.model === digest)
    let ratio = Math.max(1, ...requests.map((one) => this.#observeRequests(plannable, topology, one as RequestMean)))
    const now = this.#factors(topology)
    for (const [key, { factor, load, loaded }] of now) {
      const before = this.#planned.get(key) ?? { factor: 1, load, loaded }
      // Another load is the hysteresis's matter; here counts what is known of the same one.
      const change = (factor / before.factor) * (load === before.load ? loaded / before.loaded : 1)
      ratio = Math.max(ratio, change, 1 / change)
    }
    return { ratio }
  }

  async practise(
    digest: ModelDigest,
    topology: Topology,
    options: PlanningOptions,
    current: Plan,
    training: Training,
  ): Promise<Practised> {
    const model = this.#model(digest)
    const predictor = this.#knowing(topology)
    this.#practice.abort()
    this.#practice = new AbortController()
    return practiseOn(model, topology, predictor, { options, current, training, signal: this.#practice.signal })
  }

  async rest(): Promise<void> {
    this.#practice.abort()
  }

  async fit(measured: readonly MeasuredSpeed[]): Promise<readonly BackendSpeed[]> {
    const fits = fitSustained(measured)
    return measured.map(({ speed, samples }, at) => {
      const fitted = fits[at]
      return fitted === undefined || fitQuality(samples, fitted) === 'too-few' ? speed : fittedSpeed(speed, fitted)
    })
  }

  async learned(self: DeviceProfile['id']): Promise<OwnLearning | undefined> {
    const own = keyOf(self, '')
    const backends = Object.entries(this.#correction.toJSON().keys).flatMap(([key, { log, loaded }]) => {
      const speed = this.#speeds.get(key)
      if (!key.startsWith(own) || speed === undefined) return []
      return [[key.slice(own.length), { speed, factor: Math.exp(log), loaded }] as const]
    })
    return backends.length === 0 ? undefined : { version: 1, backends: Object.fromEntries(backends) }
  }

  async recall(self: DeviceProfile['id'], { backends }: OwnLearning): Promise<void> {
    const { version, keys: seen } = this.#correction.toJSON()
    const recalled = Object.entries(backends).flatMap(([backend, { speed, factor, loaded }]) => {
      const key = keyOf(self, backend)
      const current = this.#speeds.get(key)
      if (Object.hasOwn(seen, key) || (current !== undefined && current !== speed)) return []
      // A speed that turns out to be another one makes it forgotten.
      this.#speeds.set(key, speed)
      return [[key, { log: Math.log(factor), runs: 0, loaded }] as const]
    })
    if (recalled.length === 0) return
    this.#correction = OnlineCorrection.fromJSON({ version, keys: { ...Object.fromEntries(recalled), ...seen } })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#practice.abort()
    this.#models.clear()
  }

  /** What their messages explain first, and what is left by the kind of their plan; by what ratio that has changed since the last plan. */
  #observeRequests(model: PlannableModel, topology: Topology, { plan, ms, count, exits }: RequestMean): number {
    const shares = model.exits.map(({ name }) => (exits.get(name) ?? 0) / count)
    this.#observeMessages(model, topology, plan, ms, shares)
    const predicted = predictPlan(plan, model, topology, this.#predictor(topology), shares)
    if (predicted === undefined) return 1
    const kind = planKind(plan, topology.initiator)
    this.#kinds.observe(kind, ms, predicted.latencyMs)
    const change = this.#kinds.factor(kind) / this.#plannedKinds.factor(kind)
    return Math.max(change, 1 / change)
  }

  /** Where requests on plans of its kind have been seen, its prediction says what a trial did. */
  #trustIn(plan: Plan, { initiator }: Topology, trust: number): number {
    return this.#kinds.has(planKind(plan, initiator)) ? 1 : trust
  }

  /** By what is left of the initiator's requests when computing and links are predicted as they are known. */
  #observeMessages(model: PlannableModel, topology: Topology, plan: Plan, ms: number, shares: readonly number[]): void {
    const key = messagesKey(topology.initiator)
    const known = this.#correction.factor(key)
    const found = messageFactorOf(ms, (factor) => {
      const predictor = this.#predictor(topology, withMessages(IN_BROWSERS, topology.initiator, factor))
      return predictPlan(plan, model, topology, predictor, shares)?.latencyMs
    })
    if (found !== undefined) this.#correction.observe(key, { predictedMs: known, observedMs: found })
    // It may have been what made this plan the better one, and would never be put right.
    else if (this.#correction.runs(key) < SETTLED_RUNS) this.#correction.forget(key)
  }

  #model(digest: ModelDigest): PlanningModel {
    const model = this.#models.get(digest)
    if (model === undefined) throw new RoomfulError('no-model', 'this model is not known to the planner any more')
    return model
  }

  /** Knows what plans of each kind have taken, too. */
  #knowing(topology: Topology): RoomPredictor {
    return this.#predictor(topology, { ...IN_BROWSERS, kindFactor: (kind) => this.#kinds.factor(kind) })
  }

  #predictor(topology: Topology, extra: RoomPredictorOptions = IN_BROWSERS): RoomPredictor {
    this.#forgetOld(topology)
    return new RoomPredictor(topology, {
      messageFactor: (device) => this.#correction.factor(messagesKey(device)),
      loadFactor: (device, backend, load) => this.#correction.loadFactor(keyOf(device, backend), load),
      ...extra,
      startWindowBytes: (from, to) => this.#links.startWindowBytes(from, to) ?? extra.startWindowBytes?.(from, to),
      correction: (device, backend) => this.#correction.factor(keyOf(device, backend)),
    })
  }

  /** A correction belongs to the speeds that it corrects: a device that measured itself anew starts without one. */
  #forgetOld({ devices }: Topology): void {
    for (const { id, backends } of devices) {
      for (const speed of backends) {
        const key = keyOf(id, speed.backend)
        const now = speedKey(speed)
        const before = this.#speeds.get(key)
        if (before === now) continue
        if (before !== undefined) {
          this.#correction.forget(key)
          this.#kinds = new KindLearning()
        }
        this.#speeds.set(key, now)
      }
    }
    if (this.#speeds.size > MAX_SPEEDS) this.#speeds.clear()
  }

  #factors({ devices }: Topology): Map<string, Factors> {
    return new Map(
      devices.flatMap(({ id, backends, load }) => [
        [messagesKey(id), { factor: this.#correction.factor(messagesKey(id)), load: 0, loaded: 1 }] as const,
        ...backends.map(({ backend }) => {
          const key = keyOf(id, backend)
          const loaded = this.#correction.loadFactor(key, load)
          return [key, { factor: this.#correction.factor(key), load, loaded }] as const
        }),
      ]),
    )
  }
}

const messagesKey = (device: DeviceProfile['id']): string => keyOf(device, 'messages')
const keyOf = (device: DeviceProfile['id'], backend: string): string => `${device} ${backend}`
