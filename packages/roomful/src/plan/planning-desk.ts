import {
  type Clock,
  type DeviceId,
  type DeviceProfile,
  errorText,
  type ModelDigest,
  type Plan,
  type PlanId,
  type Topology,
} from '@roomful/core'
import { untilAborted } from '@roomful/engine'
import type { InstalledPlan, Measurement, Runtime } from '@roomful/runtime'
import type { Room } from '@roomful/transport'
import { modelView, type OpenedModel } from '../model/open-model.ts'
import { left, noModel } from '../refusals.ts'
import type { PlanningOptions } from '../session.ts'
import type { SnapshotStore } from '../view/store.ts'
import { Exclusions } from './exclusions.ts'
import { LearningDesk } from './learning-desk.ts'
import { culpritsOf, remember, runsAlready, samePlan } from './plan-records.ts'
import { type ChosenPlan, DEFAULT_PLANNING, type Planning, type Wish } from './planning.ts'
import { topologyOf } from './planning-room.ts'
import { ReplanWatch } from './replan-watch.ts'
import { Waiters } from './waiters.ts'

export interface PlanningDeskOptions {
  readonly room: Room
  readonly runtime: Runtime
  readonly planning: Planning
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly self: () => DeviceProfile
  /** Weight bytes that this device has fetched so far. */
  readonly downloadedBytes: () => number
  /** Whether a request or a stream of this device is under way. */
  readonly isAsking: () => boolean
  /** Something was learned from measured times. */
  readonly onLearned?: () => void
}

/** Models whose labels are remembered: requests on a plan that was replaced are still answered. */
const MAX_MODELS = 4
const MAX_PLANS = 64
/** A measurement counts more than predictions for so long: rooms drift. */
const TRUST_MS = 300_000

/** Keeps the best plan installed: plans at every change of the room that is worth it, by `auto` or as drawn by hand. */
export class PlanningDesk {
  readonly #o: PlanningDeskOptions
  readonly #excluded: Exclusions
  readonly #waiting = new Waiters()
  #model: OpenedModel | undefined
  #planning = DEFAULT_PLANNING
  #byHand: Wish | undefined
  /** The drawn plan that is installed. */
  #handInUse: Wish | undefined
  /** A plan that practice found, until the next planning has taken it. */
  #learned: ChosenPlan | undefined
  #trusted: { readonly plan: Plan; readonly trust: number; readonly untilMs: number } | undefined
  /** Whether the plan in use was made automatically and for the present options: then it may be kept. */
  #automatic = false
  #current: Promise<void> = Promise.resolve()
  #installing: AbortController | undefined
  #closed = false
  readonly #models = new Map<ModelDigest, OpenedModel>()
  readonly #planModels = new Map<PlanId, OpenedModel>()
  readonly #learning: LearningDesk
  readonly #watch: ReplanWatch

  constructor(options: PlanningDeskOptions) {
    this.#o = options
    const { planning, clock, store, isAsking, onLearned } = options
    this.#watch = new ReplanWatch({
      clock,
      isAsking,
      topology: () => this.#topology(),
      onDue: () => this.#replan().catch((error: unknown) => store.say('warning', errorText(error))),
    })
    this.#excluded = new Exclusions(clock, () => this.changed(true))
    this.#learning = new LearningDesk({
      planning,
      clock,
      topology: () => this.#topology(),
      onDrift: () => {
        if (this.#model !== undefined) this.#watch.learned()
      },
      ...(onLearned === undefined ? {} : { onLearned }),
    })
  }

  get model(): OpenedModel | undefined {
    return this.#model
  }

  /**
   * Another model rules from now on; resolves when its first plan is installed, or when it waits for the benchmark. A model
   * that cannot be installed, or is given up before it is, changes nothing: the one before it goes on.
   */
  async setModel(model: OpenedModel, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const before = { model: this.#model, byHand: this.#byHand }
    this.#use(model, undefined)
    try {
      await untilAborted(this.#replanned(), signal)
    } catch (error) {
      if (this.#model === model) {
        this.#installing?.abort(error)
        this.#use(before.model, before.byHand)
      }
      this.changed(true)
      throw error
    }
  }

  /** Who is in the room and may be planned with. */
  get devices(): readonly DeviceId[] {
    return this.#topology().devices.map(({ id }) => id)
  }

  /** The labels of the model that a plan ran, be it another one than the newest. */
  labelsOf(plan: PlanId | undefined): readonly string[] {
    const [current] = this.#o.runtime.current
    const model =
      (plan && this.#planModels.get(plan)) ?? (current && this.#models.get(current.plan.model)) ?? this.#model
    return model?.pack.manifest.labels ?? []
  }

  /** `hand`: a drawn split; a whole Plan or a schedule is installed as it is. */
  async byHand(hand: Wish): Promise<void> {
    if (this.#model === undefined && !this.#closed) throw noModel()
    const before = this.#byHand
    this.#byHand = hand
    try {
      await this.#replanned()
    } catch (error) {
      this.#byHand = before
      // What this wish interrupted goes on.
      this.changed(true)
      throw error
    }
  }

  async automatically(change: Partial<PlanningOptions>): Promise<void> {
    this.#planning = { ...this.#planning, ...change }
    this.#byHand = undefined
    this.#automatic = false
    await this.#replanned()
  }

  /** Something in the room changed: plan again when that is worth it. `force`: the current plan cannot go on. */
  changed(force = false): void {
    if (this.#model !== undefined) this.#watch.changed(force)
  }

  /** A time measured in an answered request. */
  measured(measurement: Measurement): void {
    const [current] = this.#o.runtime.current
    if (current !== undefined) this.#learning.measured(current.plan.model, measurement)
  }

  /** What the agent may practise on: an automatic plan that others take part in, or could. */
  get practiceTask() {
    const [current, ...others] = this.#o.runtime.current
    const model = this.#model
    // The agent learns for latency, against one plan.
    if (others.length > 0 || this.#planning.objective !== 'latency') return undefined
    if (!this.#automatic || current === undefined || model === undefined) return undefined
    const topology = this.#topology()
    const { digest } = model.outline
    if (current.plan.model !== digest || topology.devices.length < 2) return undefined
    return { digest, topology, planning: this.#planning, current }
  }

  /**
   * Installs a plan that practice has measured better, as if it had been chosen. A newer wish wins over it. `trust`: how much better
   * it is than predicted, which counts for some minutes (`Planning.automatically`).
   */
  async adopt(chosen: ChosenPlan, trust = 1): Promise<void> {
    this.#learned = chosen
    this.#trusted = { plan: chosen.plan, trust, untilMs: this.#o.clock.now() + TRUST_MS }
    await this.#replanned()
  }

  /** The whole network on this device, without exits. */
  async planAlone(model: OpenedModel, self: DeviceProfile): Promise<Plan | undefined> {
    return this.#o.planning.alone(model.outline.digest, self)
  }

  /** Whether the next request finds a plan; else `ready` waits for one. */
  get hasPlan(): boolean {
    return this.#o.runtime.current.length > 0
  }

  /** Somebody asks the room: a plan that was put off while nobody did is made soon. */
  asked(): void {
    this.#watch.asked()
  }

  /** Resolves when some plan is installed. @throws RoomfulError `no-model`; `signal.reason` */
  async ready(signal: AbortSignal): Promise<void> {
    while (!this.hasPlan) {
      signal.throwIfAborted()
      if (this.#model === undefined && this.#o.store.snapshot.modelState !== 'loading') {
        throw noModel()
      }
      await this.#waiting.next(signal)
    }
  }

  close(): void {
    this.#closed = true
    this.#watch.close()
    this.#learning.close()
    this.#installing?.abort(left())
    this.#excluded.close()
    this.#waiting.wake()
  }

  /** Plans anew and waits until no newer planning is under way: then the newest wish is installed. */
  async #replanned(): Promise<void> {
    let current = this.#replan()
    for (;;) {
      try {
        await current
      } catch (error) {
        if (current === this.#current) throw error
      }
      if (current === this.#current) break
      current = this.#current
    }
    // What was given up has installed nothing.
    this.#installing?.signal.throwIfAborted()
  }

  /** The newest wish wins: an installation under way is given up, and its caller learns so. */
  #replan(): Promise<void> {
    this.#installing?.abort(new DOMException('a newer plan replaced this one', 'AbortError'))
    const controller = new AbortController()
    this.#installing = controller
    if (this.#closed) controller.abort(left())
    const run = this.#current.catch(() => {}).then(() => this.#planAndInstall(controller.signal))
    this.#current = run
    run.catch(() => {})
    return run
  }

  #use(model: OpenedModel | undefined, byHand: Wish | undefined): void {
    const { store, downloadedBytes } = this.#o
    if (model !== this.#model) {
      // What this device needs alone was measured with the other model.
      const { aloneMs: _, ...stats } = store.snapshot.stats
      store.update({ stats })
    }
    this.#model = model
    this.#byHand = byHand
    this.#watch.forget()
    if (model === undefined) {
      store.drop('model')
      return
    }
    remember(this.#models, model.outline.digest, model, MAX_MODELS)
    store.update({ model: modelView(model, downloadedBytes()) })
  }

  async #planAndInstall(signal: AbortSignal): Promise<void> {
    const model = this.#model
    if (model === undefined || signal.aborted || this.#closed) return
    // Nothing is planned for a device that has not measured itself: the measurement's end comes back here.
    if (this.#o.self().backends.length === 0) return
    const topology = this.#topology()
    const atMs = this.#o.clock.now()
    const chosen = await this.#choose(model, topology)
    if (signal.aborted || this.#closed) return
    const hand = this.#byHand
    this.#watch.planned(topology, atMs)
    const { runtime } = this.#o
    const [current] = runtime.current
    const same = runsAlready(runtime.current, chosen, hand !== undefined)
    // A plan that has failed on a device is installed anew, even when it is still the best one.
    if (same && current !== undefined && runtime.current.every((installed) => runtime.usable(installed))) {
      this.#handInUse = hand
      this.#automatic = hand === undefined
      return this.#show(chosen, current)
    }
    const before = this.#o.store.snapshot.plan
    this.#show(chosen, undefined)
    try {
      const parts = await runtime.install(chosen.schedule ?? chosen.plan, { signal })
      for (const { planId } of parts) remember(this.#planModels, planId, model, MAX_PLANS)
      const installed = parts.find(({ plan }) => plan === chosen.plan) ?? parts[0]
      this.#handInUse = hand
      this.#automatic = hand === undefined
      this.#show(chosen, installed)
      this.#waiting.wake()
    } catch (error) {
      if (signal.aborted || this.#closed) return
      // Nothing is prepared any more: the plan before it goes on, and is shown so.
      if (before !== undefined) this.#o.store.update({ plan: { ...before, status: 'active' } })
      if (hand !== undefined) throw error
      this.#exclude(error)
      await this.#planAndInstall(signal)
    }
  }

  async #choose(model: OpenedModel, topology: Topology): Promise<ChosenPlan> {
    const { planning, runtime, store } = this.#o
    const { digest } = model.outline
    const learned = this.#learned
    // Only the next planning may take it: a wish that comes first makes it old.
    this.#learned = undefined
    const byHand = this.#byHand
    if (byHand !== undefined) {
      try {
        return await planning.byHand(digest, topology, byHand)
      } catch (error) {
        const wasDrawnNow = byHand !== this.#handInUse
        if (wasDrawnNow) throw error
        if (this.#byHand === byHand) this.#byHand = undefined
        store.say('info', `The plan drawn by hand does not fit the room any more: ${errorText(error)}`)
      }
    }
    if (learned !== undefined && learned.plan.model === digest) return learned
    const [current] = runtime.current
    const goesOn = current !== undefined && this.#automatic && current.plan.model === digest && runtime.usable(current)
    if (!goesOn) return planning.automatically(digest, topology, this.#planning, undefined)
    const { plan, trust = 1, untilMs = 0 } = this.#trusted ?? {}
    const isTrusted = untilMs > this.#o.clock.now() && samePlan(current.plan, plan, true)
    return planning.automatically(digest, topology, this.#planning, current.plan, isTrusted ? trust : 1)
  }

  /** Leaves the devices that could not prepare out for a while; without a culprit, plans alone. */
  #exclude(error: unknown): void {
    const culprits = culpritsOf(error).filter((id) => id !== this.#o.room.self)
    const left = culprits.length > 0 ? culprits : [...this.#o.room.peers.keys()].filter((id) => !this.#excluded.has(id))
    if (left.length === 0) throw error
    for (const id of left) {
      const name = this.#o.room.peers.get(id)?.profile.name ?? 'a device'
      this.#o.store.say('warning', `${name} is left out for now: ${errorText(error)}`)
      this.#excluded.add(id)
    }
  }

  #topology(): Topology {
    const topology = topologyOf(this.#o.room, this.#o.self())
    return { ...topology, devices: topology.devices.filter((device) => !this.#excluded.has(device.id)) }
  }

  #show(chosen: ChosenPlan, installed: InstalledPlan | undefined): void {
    const { store } = this.#o
    const previous = store.snapshot.plan
    const id = installed?.planId ?? previous?.id
    if (id === undefined) return
    const { plan, words, runnersUp } = chosen
    const shown = { id, plan, status: 'active' as const, byHand: this.#byHand !== undefined, words, runnersUp }
    store.update({
      // While a plan is prepared the old one still runs: it stays in view, marked, until the switch.
      plan: installed === undefined && previous !== undefined ? { ...previous, status: 'preparing' } : shown,
    })
  }
}
