import {
  type Backend,
  type DeviceId,
  errorText,
  type Plan,
  type PlanId,
  type RequestId,
  requestId,
  type Schedule,
  type Span,
  type Trace,
} from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import { SimilarLook } from '../cache/similar-look.ts'
import { RuntimeError } from '../error.ts'
import { firstSharedCut, type RecoveryCandidate } from '../plan/fallback.ts'
import { stagesOf } from '../plan/stages.ts'
import { Activity } from '../stage/activity.ts'
import type { ResultHeader } from '../wire/request-links.ts'
import type { Attempt } from './attempt.ts'
import { type CoordinatorOptions, deadlineOf, type InferOptions } from './coordinator-options.ts'
import { Fallbacks } from './fallbacks.ts'
import { helperMs, helpersIn } from './helpers.ts'
import { type InstalledPlan, Installer } from './installer.ts'
import { measurementsOf } from './measurements.ts'
import { type DownReason, isPassing, PlanHealth } from './plan-health.ts'
import { QuietBuild } from './quiet-build.ts'
import { type PictureInput, RequestInput } from './request-input.ts'
import { RequestRun } from './request-run.ts'
import { type InferenceResult, type KeptMap, mostResultElements } from './result.ts'
import type { RunContext, RunOptions } from './run-options.ts'
import { SecondCompletions } from './second-completions.ts'
import { ShareTurns } from './share-turns.ts'
import { Stragglers } from './stragglers.ts'
import { Turnstile } from './turnstile.ts'

/** Requests follow one another when the pause before one is at most this share of its time. */
const MOST_PAUSE = 0.25

/** The initiator's side: installs plans, runs requests on the current one, and sees each of them to its end. */
export class Coordinator {
  readonly #o: CoordinatorOptions
  readonly #installer: Installer
  readonly #turns = new ShareTurns<InstalledPlan>()
  readonly #runs = new Map<RequestId, { attempt: Attempt; run: RequestRun }>()
  readonly #active = new Set<RequestRun>()
  readonly #fallbacks: Fallbacks
  readonly #health = new PlanHealth()
  readonly #seconds = new SecondCompletions()
  readonly #activity: Activity
  readonly #turnstile: Turnstile
  readonly #stragglers: Stragglers
  #switches = 0
  #requests = 0
  #closed = false

  constructor(options: CoordinatorOptions) {
    this.#o = options
    this.#stragglers = new Stragglers(options.clock)
    this.#activity = new Activity(options.clock)
    this.#turnstile = new Turnstile(options.clock, options.room.self)
    this.#installer = new Installer({
      ...options,
      onDropped: (device, detail) => options.onTopologyChange?.({ device, what: 'dropped', detail }),
      onRetired: (installed) => this.#fallbacks.retireOf(installed),
    })
    this.#fallbacks = new Fallbacks({
      self: options.room.self,
      prepare: (plan, signal, quiet) => this.prepare(plan, signal, quiet),
      retire: (installed) => this.#installer.retire(installed),
    })
  }

  get current(): readonly InstalledPlan[] {
    return this.#turns.members
  }

  /** Requests that keep every stage of the plans in use busy. */
  get window(): number {
    return Math.max(2, this.#turns.window)
  }

  /** Whether the next request can run on the plan; if not, it is completed alone while a device is missing. */
  usable(installed: InstalledPlan): boolean {
    return this.#healthy(installed)
  }

  /** All zero at rest, but for plans. */
  get counts() {
    return { requests: this.#active.size, attempts: this.#runs.size, plans: this.#installer.size }
  }

  /** Builds a plan everywhere and then switches to it; requests in flight end on the old one. @throws RuntimeError */
  async install(plan: Plan | Schedule, options: { signal?: AbortSignal } = {}): Promise<readonly InstalledPlan[]> {
    const turn = ++this.#switches
    const parts: Schedule = 'volumes' in plan ? [{ plan, share: 1 }] : plan
    const ready: { member: InstalledPlan; share: number }[] = []
    try {
      for (const part of parts) ready.push({ member: await this.prepare(part.plan, options.signal), share: part.share })
      options.signal?.throwIfAborted()
    } catch (error) {
      for (const { member } of ready) this.retire(member)
      throw error
    }
    if (turn !== this.#switches || this.#closed) {
      for (const { member } of ready) this.retire(member)
      throw new RuntimeError('no-plan', 'another plan was asked for while this one was prepared')
    }
    const old = this.#turns.members
    this.#turns.replace(ready.map((turn) => ({ ...turn, window: 2 * stagesOf(turn.member.plan) })))
    for (const installed of old) this.retire(installed)
    this.#o.onSwitched?.(this.current)
    return this.current
  }

  /** Builds a plan everywhere without switching to it, for `infer(..., { plan })`; retire it afterwards. */
  prepare(plan: Plan, signal?: AbortSignal, quiet?: QuietBuild): Promise<InstalledPlan> {
    if (this.#closed) return Promise.reject(new RuntimeError('closed', 'this device has left'))
    return this.#installer.prepare(plan, signal, quiet)
  }

  retire(installed: InstalledPlan): void {
    this.#installer.retire(installed)
  }

  /** @throws RuntimeError; `signal.reason` */
  async infer(picture: PictureInput, options: InferOptions = {}): Promise<InferenceResult> {
    const startMs = this.#o.clock.now()
    if (this.#closed) throw new RuntimeError('closed', 'this device has left')
    const installed = options.plan ?? this.#turns.next((member) => this.#healthy(member))
    if (installed === undefined) throw new RuntimeError('no-plan', 'no plan is installed')
    const id = requestId(`${this.#o.room.self}:r${++this.#requests}`)
    const input = new RequestInput(picture, installed.model)
    this.#installer.enter(installed)
    this.#turns.enter(installed)
    const pauseMs = this.#activity.open > 0 ? Number.POSITIVE_INFINITY : this.#activity.idleMs
    this.#activity.begin()
    try {
      const { signal } = options
      const deadlineMs = deadlineOf(options)
      const answers = (options.cache ?? options.plan === undefined) ? this.#o.answers : undefined
      const lookup = await answers?.look(installed, input, { deadlineMs, signal })
      const known = lookup && answers?.resultOf(lookup, installed, id, startMs)
      if (known !== undefined) return known
      const resume = lookup?.resume === undefined ? {} : { kept: lookup.resume }
      const look = this.#similarLook(installed, options)
      const atCut = look === undefined ? {} : { atCut: look.at.bind(look) }
      const asked = { id, installed, input, startMs, deadlineMs, signal, spans: lookup?.spans ?? [] }
      const { result, kept } = await this.#run({ ...asked, ...resume, ...atCut })
      if (result.trace.source !== 'computed') return result
      if (lookup?.resume === undefined) this.#timed(installed, result.trace, pauseMs)
      look?.computed(result)
      this.#prefetch(installed)
      if (lookup !== undefined) void answers?.keep(lookup, installed, result, kept)
      return result
    } finally {
      this.#activity.end()
      this.#turns.leave(installed)
      this.#installer.leave(installed)
    }
  }

  #similarLook(installed: InstalledPlan, { cache, plan }: InferOptions): SimilarLook | undefined {
    const { similar, room } = this.#o
    const wanted = similar !== undefined && (cache ?? plan === undefined)
    return wanted ? new SimilarLook(similar, installed, room.self) : undefined
  }

  async #run(options: RunOptions): Promise<{ result: InferenceResult; kept: KeptMap | undefined }> {
    if (this.#closed) throw new RuntimeError('closed', 'this device has left')
    const turn = await this.#turnstile.enter(options.installed, options)
    const run = new RequestRun(this.#context, { ...options, spans: [...(options.spans ?? []), ...turn.spans] })
    this.#active.add(run)
    run.start()
    try {
      return { result: await run.result, kept: run.kept }
    } finally {
      this.#active.delete(run)
      turn.leave()
    }
  }

  /** On the initiator's own stages and exits, from the stage worker. */
  onWhole(id: RequestId, volume: number, map: FeatureMap): boolean {
    return this.#runs.get(id)?.run.onWhole(volume, map) ?? false
  }

  onSpans(id: RequestId, from: DeviceId, spans: readonly Span[], originMs?: number): void {
    this.#health.markAlive(from)
    const entry = this.#entry(id, from)
    if (entry === undefined) this.#stragglers.onSpans(id, from, spans, originMs)
    else entry.run.onSpans(entry.attempt, from, spans, originMs)
  }

  onResult(
    id: RequestId,
    from: DeviceId,
    header: ResultHeader,
    outputs: readonly FeatureMap[],
    originMs?: number,
  ): void {
    this.#health.markAlive(from)
    const entry = this.#entry(id, from, header.planId)
    entry?.run.onResult(entry.attempt, from, header, outputs, originMs)
  }

  onFailed(id: RequestId, planId: PlanId, from: DeviceId, error: unknown): void {
    const entry = this.#entry(id, from, planId)
    if (entry === undefined) return
    if (!isPassing(error)) this.#broken(entry.attempt.installed, from, errorText(error))
    entry.run.onFailed(entry.attempt, from, error)
  }

  /** The shape that a result of a request may have, for the decoder's bound; undefined for unknown requests. */
  resultElements(id: RequestId, from: DeviceId): number | undefined {
    const entry = this.#entry(id, from)
    return entry && mostResultElements(entry.attempt.installed)
  }

  /** What it had built is gone with it; when it comes back, it is prepared again. */
  peerGone(device: DeviceId, reason: string): void {
    for (const installed of this.#known()) this.#health.markForgotten(installed, device)
    this.#health.forgetDevice(device)
    this.#seconds.justified(device)
    for (const run of this.#active) run.onDeviceDown(device, `gone (${reason})`, true)
    this.#o.onTopologyChange?.({ device, what: 'gone', detail: reason })
  }

  /** It may be dead: what waits for it is treated as late, and what will soon. */
  peerDoubted(device: DeviceId): void {
    this.#health.markDoubted(device, this.#o.clock.now())
    for (const run of this.#active) run.onDeviceDoubted(device)
  }

  /** Silent or hidden: requests are planned around it until it is back. */
  peerDown(device: DeviceId, what: DownReason, detail?: string): void {
    if (what === 'silent') this.#seconds.justified(device)
    if (!this.#health.markDown(device, what)) return
    for (const run of this.#active) run.onDeviceDown(device, detail ?? what, false)
    this.#o.onTopologyChange?.({ device, what, ...(detail === undefined ? {} : { detail }) })
  }

  /** It is heard again, or has said that it is back. */
  peerBack(device: DeviceId, was: DownReason): void {
    if (this.#health.markUp(device, was)) this.#o.onTopologyChange?.({ device, what: 'back' })
    for (const installed of this.#turns.members) {
      if (!this.#health.startRenewal(installed, device)) continue
      this.#installer.renew(installed, device).then(
        () => this.#health.renewed(installed, device, true),
        (error: unknown) => {
          this.#health.renewed(installed, device, false)
          this.#o.onTopologyChange?.({ device, what: 'dropped', detail: errorText(error) })
        },
      )
    }
  }

  close(): void {
    this.#closed = true
    const reason = new RuntimeError('closed', 'this device has left')
    this.#turnstile.close(reason)
    for (const run of this.#active) run.abandon(reason)
    this.#stragglers.close()
    this.#installer.retireAll()
    this.#turns.replace([])
    this.#fallbacks.clear()
  }

  /** The plan takes no more requests until it is installed anew, or another one is. */
  #broken(installed: InstalledPlan, device: DeviceId, detail: string): void {
    if (this.#health.markBroken(installed)) this.#o.onTopologyChange?.({ device, what: 'dropped', detail })
  }

  get #context(): RunContext {
    const { room, clock, links, pictures } = this.#o
    return {
      seconds: this.#seconds,
      stuck: ({ installed, openDevices }) => {
        const device = openDevices.find((open) => open !== room.self) ?? room.self
        this.#broken(installed, device, 'it does not answer in time')
      },
      self: room.self,
      clock,
      links,
      pictures,
      isWatched: this.#o.similar !== undefined,
      healthy: (installed) => this.#healthy(installed),
      isDoubted: (device) => this.#health.isDoubted(device, clock.now()),
      snapshot: (installed, excluded, lost) => this.#snapshot(installed, excluded, lost),
      fallback: (installed, candidate, answered) => this.#fallbacks.get(installed, candidate, answered),
      completionMs: (installed, candidate) => this.#completionMs(installed, candidate),
      opened: (attempt, run) => {
        this.#runs.set(attempt.id, { attempt, run })
        this.#installer.enter(attempt.installed)
      },
      answered: (attempt, run, told, anew) => {
        const { installed } = attempt
        if (attempt.openDevices.length === 0) {
          this.#measured(installed, told)
          return
        }
        const report = run.onSpans.bind(run, attempt)
        this.#stragglers.wait(attempt, report, () => {
          const trace = anew()
          this.#measured(installed, trace)
          this.#o.onTraced?.(trace)
        })
      },
      closed: (attempt) => {
        this.#runs.delete(attempt.id)
        this.#installer.leave(attempt.installed)
      },
    }
  }

  /** Only devices of the attempt may speak about it, and only under its plan: others may have made them say something. */
  #entry(id: RequestId, from: DeviceId, planId?: PlanId): { attempt: Attempt; run: RequestRun } | undefined {
    const entry = this.#runs.get(id)
    if (entry === undefined) return undefined
    const { installed } = entry.attempt
    if (planId !== undefined && planId !== installed.planId) return undefined
    return from === this.#o.room.self || installed.devices.includes(from) ? entry : undefined
  }

  #healthy(installed: InstalledPlan): boolean {
    return this.#health.usable(installed, (device) => this.#o.links.reachable(device))
  }

  *#known(): Iterable<InstalledPlan> {
    yield* this.#turns.members
    for (const { attempt } of this.#runs.values()) yield attempt.installed
  }

  #snapshot(installed: InstalledPlan, excluded: ReadonlySet<DeviceId>, lostBackends: ReadonlySet<Backend>) {
    const { room, engines } = this.#o
    const alone = installed.devices.every((device) => device === room.self)
    return {
      self: room.self,
      ownBackends: engines.backends,
      holdsModel: alone || installed.model.held() || this.#fallbacks.selfReady(installed),
      mayLeave: firstSharedCut(installed.plan, room.self) !== undefined,
      helpers: helpersIn(room).filter(({ device }) => !this.#health.isDown(device)),
      excluded,
      lostBackends,
    }
  }

  /** A request after a pause finds a quota of the processor unused, and one beside others shares it: neither is told. */
  #timed({ plan }: InstalledPlan, { exit, totalMs: ms, recovered }: Trace, pauseMs: number): void {
    const follows = pauseMs <= MOST_PAUSE * ms && this.#activity.open === 1
    if (follows && recovered === undefined) this.#o.onMeasurement?.({ kind: 'request', plan, exit, ms })
  }

  #completionMs(installed: InstalledPlan, candidate: RecoveryCandidate): number {
    const { room, predictMs = () => undefined } = this.#o
    const { macs } = installed.model
    const isOwn = candidate.device === room.self
    const runMs = isOwn ? predictMs(macs, candidate.backend) : helperMs(room, candidate, macs)
    return this.#fallbacks.readyInMs(installed, candidate) + (runMs ?? 0)
  }

  #measured(installed: InstalledPlan, trace: Trace): void {
    for (const measurement of measurementsOf(installed, trace)) this.#o.onMeasurement?.(measurement)
  }

  /** The first answer has come: in quiet moments the device gets ready to complete the plan's requests alone. */
  #prefetch(installed: InstalledPlan): void {
    const { room, engines, prefetch, clock, worker } = this.#o
    const [backend] = engines.backends
    const alone = installed.devices.every((device) => device === room.self)
    if (prefetch === false || alone || backend === undefined || this.#closed) return
    if (!this.#turns.members.includes(installed)) return
    const own = installed.prepared.find(({ device }) => device === room.self)
    const idleMs = () => Math.min(this.#activity.idleMs, worker.idleMs)
    const quiet = () => new QuietBuild({ clock, idleMs, stepMs: own?.buildMs ?? 0 })
    this.#fallbacks.foresee(installed, { device: room.self, backend }, quiet).catch((error: unknown) => {
      if (this.#closed) return
      this.#o.onTopologyChange?.({ device: room.self, what: 'dropped', detail: errorText(error) })
    })
  }
}
