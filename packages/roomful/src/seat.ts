import { idbStore, WriteBehind } from '@roomful/cache'
import {
  type BackendSpeed,
  type Clock,
  checkSchedule,
  type DeviceId,
  type DeviceProfile,
  errorText,
  type ModelDigest,
  type Plan,
  type Schedule,
  seededRandom,
  systemClock,
} from '@roomful/core'
import { createFeatureCodec, type FeatureCodec } from '@roomful/engine'
import { browserStore } from '@roomful/model'
import { PackageLibrary, peerSource, RoomCacheLink, Runtime, serveModels } from '@roomful/runtime'
import type { Room } from '@roomful/transport'
import { Asking } from './asking.ts'
import { startBackground } from './background.ts'
import { EnginePool, speedsWithout } from './compute/engine-pool.ts'
import { predictedMs } from './compute/predicted-ms.ts'
import { SelfMeasurement } from './compute/self-measurement.ts'
import { LearningKeeper } from './device/learning-keeper.ts'
import { Lending } from './device/lending.ts'
import type { SettingsStore } from './device/settings.ts'
import { WakeLock } from './device/wake-lock.ts'
import { watchServing } from './device/watch-serving.ts'
import { DownloadMeter } from './model/download-meter.ts'
import { ModelLoads } from './model/model-loads.ts'
import { modelView, type OpenedModel, openModel, ownOriginSource, ownOriginUrl } from './model/open-model.ts'
import { canvasCodec } from './picture/canvas-codec.ts'
import { RecentPictures } from './picture/recent-pictures.ts'
import type { Planning } from './plan/planning.ts'
import { PlanningDesk } from './plan/planning-desk.ts'
import { WorkerPlanning } from './plan/worker-planning.ts'
import { left } from './refusals.ts'
import {
  type FrameOptions,
  type HandPlanOptions,
  type Held,
  type InferOptions,
  type Picture,
  type PlanningOptions,
  RoomfulError,
  type RoomSession,
} from './session.ts'
import type { HandPlan, RequestView, RoomSnapshot } from './snapshot.ts'
import { watchRoom } from './view/room-view.ts'
import { withTrace } from './view/stats.ts'
import type { SnapshotStore } from './view/store.ts'
import { tellAnswer, watchStories } from './view/story.ts'

export interface SeatOptions {
  readonly room: Room
  readonly profile: DeviceProfile
  readonly store: SnapshotStore
  readonly settings: SettingsStore
  readonly clock?: Clock
  readonly onLeft?: () => void
}

/** A device's seat in the room: owns everything the device runs, and ends all of it when it leaves. */
export class Seat implements RoomSession {
  readonly #o: SeatOptions
  readonly #clock: Clock
  readonly #ended = new AbortController()
  readonly #engines: EnginePool
  readonly #codec: FeatureCodec
  readonly #library: PackageLibrary
  readonly #downloads: DownloadMeter
  readonly #runtime: Runtime
  readonly #cache: RoomCacheLink
  readonly #planning: Planning
  readonly #keeper: LearningKeeper
  readonly #desk: PlanningDesk
  readonly #asking: Asking
  readonly #loads: ModelLoads<OpenedModel>
  readonly #pictures: RecentPictures
  readonly #lending: Lending
  readonly #measurement: SelfMeasurement
  readonly #wakeLock = new WakeLock()
  readonly #undo: (() => void)[] = []
  #profile: DeviceProfile
  #leaving: Promise<void> | undefined
  #showing: ModelDigest | undefined

  constructor(options: SeatOptions) {
    const { room, store, settings } = options
    this.#o = options
    this.#clock = options.clock ?? systemClock
    this.#profile = options.profile
    const clock = this.#clock
    const weights = browserStore()
    this.#codec = createFeatureCodec(clock)
    this.#downloads = new DownloadMeter((downloadedBytes) => {
      const { model } = store.snapshot
      if (model !== undefined) store.update({ model: { ...model, downloadedBytes } })
    })
    this.#library = new PackageLibrary({
      http: (url) => this.#downloads.count(ownOriginSource(url)),
      peer: (device, digest) => this.#downloads.count(peerSource(room, device, digest)),
      open: weights === undefined ? {} : { store: weights },
    })
    this.#engines = new EnginePool((backend, error) => {
      store.say('warning', `${backend} stopped working here (${error.message}); the room goes on without it.`)
      this.#setSpeeds(speedsWithout(this.#profile.backends, backend))
      this.#desk.changed(true)
    })
    this.#cache = new RoomCacheLink({
      room,
      clock,
      random: seededRandom(crypto.getRandomValues(new Int32Array(1))[0] ?? 1),
      wallClock: Date.now,
      store: new WriteBehind(idbStore(), clock),
    })
    this.#runtime = new Runtime({
      cache: this.#cache.cache,
      room,
      clock,
      engines: this.#engines,
      library: this.#library,
      codec: this.#codec,
      pictures: canvasCodec,
      mayServe: () => this.#lending.lends,
      predictMs: (macs, backend) => predictedMs(this.#profile.backends, macs, backend),
      manifestUrl: (digest) => {
        const model = this.#desk.model
        return model?.pack.manifest.digest === digest ? model.url : undefined
      },
      onTraced: (trace) => store.update({ requests: withTrace(store.snapshot.requests, trace) }),
      onMeasurement: (measurement) => this.#desk.measured(measurement),
      onTopologyChange: ({ what }) => this.#desk.changed(what !== 'load'),
    })
    const self = () => this.#profile
    this.#lending = new Lending({
      store,
      settings,
      profile: self,
      update: (change) => this.#update(change),
      announce: (away, reason) => this.#runtime.announce(away, reason),
    })
    const downloadedBytes = () => this.#downloads.bytes
    this.#planning = new WorkerPlanning(clock)
    this.#keeper = new LearningKeeper({ settings, clock, planning: this.#planning, self: this.#profile.id })
    this.#desk = new PlanningDesk({
      room,
      runtime: this.#runtime,
      planning: this.#planning,
      store,
      clock,
      self,
      downloadedBytes,
      isAsking: () => this.#asking.busy,
      onLearned: () => this.#keeper.changed(),
    })
    this.#loads = new ModelLoads({
      store,
      ended: this.#ended.signal,
      use: async (model, signal) => {
        if (this.#profile.role === 'worker') await this.#desk.setModel(model, signal)
        else store.update({ model: modelView(model, 0) })
        this.#update({ models: [model.outline.digest] })
      },
    })
    this.#pictures = new RecentPictures(clock)
    this.#asking = new Asking({
      runtime: this.#runtime,
      desk: this.#desk,
      store,
      clock,
      pictures: this.#pictures,
      onAnswered: (request) => tellAnswer(room, this.#runtime, this.#desk.model, request),
    })
    this.#measurement = new SelfMeasurement({
      settings,
      store,
      clock,
      asking: this.#asking,
      runtime: this.#runtime,
      engines: this.#engines,
      planning: this.#planning,
      speeds: () => this.#profile.backends,
      onSpeeds: (speeds) => this.#setSpeeds(speeds),
      signal: this.#ended.signal,
    })
    this.#undo.push(
      serveModels(room, (digest) => this.#library.held(digest)),
      watchRoom(room, store, () => this.#desk.changed()),
    )
    if (options.profile.role === 'observer') {
      this.#undo.push(watchStories(room, store, (digest, url) => this.#showModel(digest, url)))
    }
  }

  /** Begins what goes on in the background until the device leaves. */
  async start(): Promise<void> {
    const { signal } = this.#ended
    const { lending } = await this.#o.settings.read()
    // Not waited for: a weak device has joined before its planning Worker has started.
    void this.#keeper.recall()
    this.#lending.start(lending, signal)
    if (this.#profile.role === 'observer') return
    startBackground({
      runtime: this.#runtime,
      desk: this.#desk,
      asking: this.#asking,
      planning: this.#planning,
      pictures: this.#pictures,
      measurement: this.#measurement,
      lending: this.#lending,
      store: this.#o.store,
      clock: this.#clock,
      self: () => this.#profile,
      update: (change) => this.#update(change),
      signal,
    })
    const undo = watchServing({
      runtime: this.#runtime,
      store: this.#o.store,
      clock: this.#clock,
      storageFailures: () => this.#cache.cache.local.stats.failures,
      holdsAwake: () => this.#lending.lends && this.#o.room.peers.size > 0,
      wakeLock: this.#wakeLock,
    })
    this.#undo.push(undo)
  }

  get self(): DeviceId {
    return this.#profile.id
  }

  get snapshot(): RoomSnapshot {
    return this.#o.store.snapshot
  }

  onChange(listener: (snapshot: RoomSnapshot) => void): () => void {
    return this.#o.store.onChange(listener)
  }

  async loadModel(
    source: string | Uint8Array | Blob,
    options: { signal?: AbortSignal; name?: string } = {},
  ): Promise<void> {
    await this.#loads.load((signal) => this.#open(source, options.name, signal), options.signal)
  }

  async infer(picture: Picture, options?: InferOptions): Promise<RequestView> {
    this.#checkMayAsk()
    return this.#asking.infer(picture, options)
  }

  async *inferStream(frames: AsyncIterable<Picture>, options?: FrameOptions): AsyncGenerator<RequestView, void> {
    this.#checkMayAsk()
    yield* this.#asking.stream(frames, options)
  }

  planByHand(plan: HandPlan, options: HandPlanOptions = {}): Promise<void> {
    return this.#desk.byHand({ plan, exits: options.exits ?? true })
  }

  async installPlan(plan: Plan | Schedule): Promise<void> {
    await this.#desk.byHand(checkSchedule(plan))
  }

  planAutomatically(options: Partial<PlanningOptions> = {}): Promise<void> {
    return this.#desk.automatically(options)
  }

  async measure(): Promise<void> {
    this.#ended.signal.throwIfAborted()
    return this.#measurement.again()
  }

  get held(): Held {
    const { worker, coordinator } = this.#runtime.counts
    return { ...worker, requests: worker.requests + coordinator.requests }
  }

  rename(name: string): void {
    const short = name.trim().slice(0, 40)
    if (short === '') return
    this.#update({ name: short })
    void this.#o.settings.write({ name: short })
  }

  allowLending(allowed: boolean): void {
    this.#lending.allow(allowed)
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  #checkMayAsk(): void {
    this.#ended.signal.throwIfAborted()
    if (this.#profile.role === 'observer') throw new RoomfulError('unsupported', 'an observer asks nothing')
  }

  #setSpeeds(backends: readonly BackendSpeed[]): void {
    this.#engines.speeds = backends
    this.#update({ backends })
    this.#desk.changed()
  }

  #update(change: Partial<Omit<DeviceProfile, 'id' | 'protocol'>>): void {
    this.#profile = { ...this.#profile, ...change }
    this.#o.room.updateProfile(change)
    this.#o.store.update({ self: this.#profile })
  }

  /** An observer reads the structure of the model that the room uses; a dropped model without URL stays unseen. */
  #showModel(digest: ModelDigest, url: string | undefined): void {
    if (url === undefined || this.#showing === digest) return
    this.#showing = digest
    this.#open(ownOriginUrl(url), undefined, this.#ended.signal).then(
      (model) => this.#o.store.update({ model: modelView(model, 0), modelState: 'ready' }),
      (error: unknown) => this.#o.store.say('info', errorText(error)),
    )
  }

  #open(source: string | Uint8Array | Blob, name: string | undefined, signal: AbortSignal) {
    return openModel(this.#library, this.#planning, source, name, signal, (files) => this.#downloads.count(files))
  }

  async #leave(): Promise<void> {
    this.#ended.abort(left())
    this.#asking.close()
    this.#desk.close()
    this.#keeper.close()
    for (const undo of this.#undo.splice(0)) undo()
    // All at once: a page that is being closed runs no further than this task, and the goodbye must be out by then.
    const { room } = this.#o
    const runtime = this.#runtime[Symbol.asyncDispose]()
    this.#cache.close()
    await Promise.allSettled([runtime, room[Symbol.asyncDispose](), this.#wakeLock.hold(false)])
    const workers = [this.#engines, this.#codec, this.#planning]
    await Promise.allSettled(workers.map((worker) => worker[Symbol.asyncDispose]()))
    this.#o.onLeft?.()
    this.#o.store.update({ phase: 'left' })
  }
}
