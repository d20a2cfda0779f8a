import type { Hash, RoomCache, SimilarCache } from '@roomful/cache'
import type { Backend, Clock, DeviceId, ModelDigest, Plan, Schedule, Span, Trace } from '@roomful/core'
import { fromWire } from '@roomful/core'
import { decodeSpans, type NoticeOf, ProtocolError } from '@roomful/protocol'
import type { Room } from '@roomful/transport'
import { AnswerCache } from './cache/answer-cache.ts'
import { Coordinator } from './coordinator/coordinator.ts'
import type { InferOptions } from './coordinator/coordinator-options.ts'
import type { InstalledPlan } from './coordinator/installer.ts'
import type { Measurement } from './coordinator/measurements.ts'
import type { PictureInput } from './coordinator/request-input.ts'
import type { InferenceResult } from './coordinator/result.ts'
import { type StreamOptions, type StreamResult, streamFrames } from './coordinator/stream.ts'
import type { TopologyChange } from './coordinator/topology-change.ts'
import { RuntimeError } from './error.ts'
import type { ModelLibrary } from './model/staged-model.ts'
import type { EngineProvider, IdleLimit } from './stage/session-pool.ts'
import { StageWorker } from './stage/stage-worker.ts'
import type { WorkerLimits } from './stage/worker-limits.ts'
import type { FeatureCodec } from './wire/feature-codec.ts'
import type { PictureCodec } from './wire/picture-codec.ts'
import { RequestLinks } from './wire/request-links.ts'

export interface RuntimeOptions {
  readonly room: Room
  readonly clock: Clock
  readonly engines: EngineProvider
  readonly library: ModelLibrary
  readonly codec: FeatureCodec
  readonly pictures?: PictureCodec
  /** The cache of this device and its room (`RoomCacheLink`); closed by its owner, not here. */
  readonly cache?: RoomCache
  /** Answers inputs that look like earlier ones, within its error target. Default: none, every answer is exact. */
  readonly similar?: SimilarCache
  /** In place of SHA-256 for the cache's keys, where time is simulated. */
  readonly hash?: Hash
  readonly limits?: Partial<WorkerLimits>
  /** Whether this device lends compute to `from` at this moment; own requests always run. Default: always. */
  readonly mayServe?: (from: DeviceId) => boolean
  /** Predicted time of `macs` multiply-accumulates on a backend here; decides how short sessions must be. */
  readonly predictMs?: (macs: number, backend: Backend) => number | undefined
  readonly manifestUrl?: (digest: ModelDigest) => string | undefined
  readonly prepareTimeoutMs?: number
  readonly prefetch?: boolean
  readonly idleSessions?: Partial<IdleLimit>
  readonly onTopologyChange?: (change: TopologyChange) => void
  /** A computed answer's trace with what was reported after the answer, at most a second later. */
  readonly onTraced?: (trace: Trace) => void
  readonly onMeasurement?: (measurement: Measurement) => void
  readonly onSwitched?: (plans: readonly InstalledPlan[]) => void
}

/** One device's seat in the execution of plans: its own requests (coordinator) and its share of anybody's (stage worker). */
export class Runtime implements AsyncDisposable {
  readonly #o: RuntimeOptions
  readonly #worker: StageWorker
  readonly #coordinator: Coordinator
  readonly #undo: (() => void)[] = []
  #presence: NoticeOf<'presence'> = { away: false }
  /** Who has heard the last `presence`. */
  readonly #told = new Set<DeviceId>()

  constructor(options: RuntimeOptions) {
    this.#o = options
    const { room, clock, codec } = options
    const links = new RequestLinks({
      room,
      clock,
      codec,
      local: {
        feature: (header, map, exclusive) => this.#worker.feature(header, { map, exclusive }, room.self),
        result: (header, outputs, originMs) =>
          this.#coordinator.onResult(header.requestId, room.self, header, outputs, originMs),
        spans: (id, spans, originMs) => this.#coordinator.onSpans(id, room.self, spans, originMs),
        failed: (id, planId, error) => this.#coordinator.onFailed(id, planId, room.self, error),
        cancel: (id) => this.#worker.cancel(id, room.self),
      },
    })
    this.#worker = new StageWorker({
      ...options,
      self: room.self,
      links,
      isWatched: options.similar !== undefined,
      onWhole: (id, volume, map) => this.#coordinator.onWhole(id, volume, map),
      onLoad: (load, queued) => this.#tellAll('load', { load, queued }),
    })
    const { cache, hash } = options
    const hashing = hash === undefined ? {} : { hash }
    const answers =
      cache &&
      new AnswerCache({ cache, codec, encodedOf: links.encodedOf.bind(links), clock, self: room.self, ...hashing })
    const caching = answers === undefined ? {} : { answers }
    this.#coordinator = new Coordinator({ ...options, ...caching, links, worker: this.#worker })
    this.#listen()
  }

  /** The installed plans in use; one, unless a schedule was installed. */
  get current(): readonly InstalledPlan[] {
    return this.#coordinator.current
  }

  /** Whether the next request can run on the plan; while it cannot, requests are completed by one device alone. */
  usable(installed: InstalledPlan): boolean {
    return this.#coordinator.usable(installed)
  }

  /** What is held at this moment, for leak checks and the page. */
  get counts() {
    return { worker: this.#worker.counts, coordinator: this.#coordinator.counts }
  }

  /** Share of this device's time that others' requests take, 0..1. */
  get load(): number {
    return this.#worker.load
  }

  /** @throws RuntimeError `bad-plan`, `prepare-failed`, `no-plan` (another was asked for meanwhile) */
  install(plan: Plan | Schedule, options: { signal?: AbortSignal } = {}): Promise<readonly InstalledPlan[]> {
    return this.#coordinator.install(plan, options)
  }

  /** Builds a plan without switching to it, for `infer(..., { plan })`; `retire` it afterwards. */
  prepare(plan: Plan, signal?: AbortSignal): Promise<InstalledPlan> {
    return this.#coordinator.prepare(plan, signal)
  }

  retire(installed: InstalledPlan): void {
    this.#coordinator.retire(installed)
  }

  /** @throws RuntimeError; `signal.reason` */
  infer(picture: PictureInput, options: InferOptions = {}): Promise<InferenceResult> {
    return this.#coordinator.infer(picture, options)
  }

  stream(frames: AsyncIterable<PictureInput>, options: StreamOptions = {}): AsyncGenerator<StreamResult, void> {
    const wanted = { window: () => this.#coordinator.window, ...options }
    return streamFrames(frames, (picture, one) => this.infer(picture, one), wanted, this.#o.clock)
  }

  /** This device is hidden or pauses lending (or is back): the room plans around it. */
  announce(away: boolean, reason?: string): void {
    this.#presence = { away, ...(reason === undefined ? {} : { reason }) }
    this.#told.clear()
    this.#tellAll('presence', this.#presence)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo()
    this.#coordinator.close()
    await this.#worker[Symbol.asyncDispose]()
  }

  #listen(): void {
    const { room, mayServe, codec } = this.#o
    const worker = this.#worker
    const coordinator = this.#coordinator
    this.#undo.push(
      room.handle('prepare', async (order, { from, signal }) => {
        if (order.initiator !== from) throw new RuntimeError('malformed', 'a plan is prepared by its initiator')
        if (mayServe?.(from) === false)
          throw new RuntimeError('overloaded', 'this device does not lend its compute now')
        return worker.prepare(order, signal)
      }),
      room.handle('retire', async ({ planId }, { from }) => {
        worker.retire({ planId, initiator: from })
        return {}
      }),
      room.onNotice('feature', ({ blobs, ...header }, from) => {
        const [blob] = blobs ?? []
        if (blob !== undefined) worker.feature(header, { blob }, from)
      }),
      room.onNotice('cancel', ({ requestId }, from) => worker.cancel(requestId, from)),
      room.onNotice('spans', ({ requestId, blobs }, from) => {
        coordinator.onSpans(requestId, from, reportedSpans(blobs?.at(-1), from))
      }),
      room.onNotice('failed', ({ requestId, planId, error }, from) =>
        coordinator.onFailed(requestId, planId, from, fromWire(error)),
      ),
      room.onNotice('result', ({ blobs = [], ...header }, from) => {
        const maxElements = coordinator.resultElements(header.requestId, from)
        if (maxElements === undefined) return
        const spans = reportedSpans(blobs.at(-1), from)
        Promise.all(blobs.slice(0, -1).map((blob) => codec.decode(blob, { maxElements })))
          .then((outputs) => coordinator.onResult(header.requestId, from, { ...header, spans }, outputs))
          .catch((error: unknown) => coordinator.onFailed(header.requestId, header.planId, from, error))
      }),
      room.onNotice('load', ({ load, queued }, from) => {
        this.#o.onTopologyChange?.({ device: from, what: 'load', load, queued })
      }),
      room.onNotice('presence', ({ away, reason }, from) => {
        if (away) coordinator.peerDown(from, 'away', reason)
        else coordinator.peerBack(from, 'away')
      }),
      room.on('peer', (id, { link }) => {
        if (link === 'silent') coordinator.peerDown(id, 'silent')
        else if (link === 'connected') this.#connected(id)
        else if (link === 'lost') this.#lost(id, 'the link is lost')
      }),
      room.on('unseen', (id) => coordinator.peerDoubted(id)),
      room.on('gone', (id, reason) => this.#lost(id, reason)),
    )
  }

  #connected(id: DeviceId): void {
    this.#coordinator.peerBack(id, 'silent')
    // Who came later has not heard it.
    if (this.#presence.away && !this.#told.has(id)) this.#tell(id, 'presence', this.#presence)
  }

  #lost(id: DeviceId, reason: string): void {
    this.#told.delete(id)
    this.#worker.peerGone(id)
    this.#coordinator.peerGone(id, reason)
  }

  #tellAll<K extends 'load' | 'presence'>(kind: K, body: NoticeOf<K>): void {
    for (const [id, { link }] of this.#o.room.peers) if (link === 'connected') this.#tell(id, kind, body)
  }

  #tell<K extends 'load' | 'presence'>(id: DeviceId, kind: K, body: NoticeOf<K>): void {
    if (kind === 'presence') this.#told.add(id)
    // Nobody waits for it: the next one tells the same more recently.
    this.#o.room.notify(id, kind, body, { timeoutMs: 5_000, priority: 'control' }).catch(() => {})
  }
}

/** A report that cannot be read is none: no answer depends on it. */
function reportedSpans(report: Uint8Array | undefined, from: DeviceId): Span[] {
  try {
    return report === undefined ? [] : decodeSpans(report, from)
  } catch (error) {
    if (error instanceof ProtocolError) return []
    throw error
  }
}
