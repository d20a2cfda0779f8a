import type { Clock, DeviceId, PlanId, Range, RequestId, Span, WireFormat } from '@roomful/core'
import { errorText, toWire } from '@roomful/core'
import { encodeSpans, type NoticeOf } from '@roomful/protocol'
import { type FeatureMap, sliceRows } from '@roomful/tensor'
import { type Room, TransportError } from '@roomful/transport'
import type { Route } from '../plan/routes.ts'
import { EXACT, type FeatureCodec } from './feature-codec.ts'

export type FeatureHeader = Omit<NoticeOf<'feature'>, 'blobs'>
/** On the wire the spans are the last blob. */
export type ResultHeader = Omit<NoticeOf<'result'>, 'blobs'> & { readonly spans: readonly Span[] }

/** A request as every message about it names it. */
export interface RequestAddress {
  readonly requestId: RequestId
  readonly planId: PlanId
  readonly initiator: DeviceId
  /** On this device's clock. */
  readonly deadlineAtMs: number
}

/** A map that is ready to be sent. */
export interface Produced {
  readonly map: FeatureMap
  /** The rows it holds; absent when whole. */
  readonly rows?: Range | undefined
  readonly wire: WireFormat
  /** Nobody needs the map afterwards. */
  readonly exclusive?: boolean
}

export interface SendFeatureOptions {
  readonly signal: AbortSignal
  readonly onSpan: (span: Span) => void
  /** All encoding is done: spans can be reported. */
  readonly encoded?: () => void
}

/** Where messages of this device to itself go: as objects, at once, neither encoded nor copied. */
export interface LocalReceiver {
  /** `exclusive`: nobody else needs the map, so that it may be given away. */
  feature(header: FeatureHeader, map: FeatureMap, exclusive: boolean): void
  /** `originMs`: the moment on this device's clock that the spans count from. */
  result(header: ResultHeader, outputs: readonly FeatureMap[], originMs: number): void
  spans(requestId: RequestId, spans: readonly Span[], originMs: number): void
  failed(requestId: RequestId, planId: PlanId, error: unknown): void
  cancel(requestId: RequestId): void
}

export interface RequestLinksOptions {
  readonly room: Room
  readonly clock: Clock
  readonly codec: FeatureCodec
  readonly local: LocalReceiver
  /** Longest wait for a link to take a message, in milliseconds. Default 10,000. */
  readonly sendTimeoutMs?: number
}

/** Everything that a device sends about requests, to others or to itself. Nothing goes to a device that is not linked. */
export class RequestLinks {
  readonly #o: RequestLinksOptions
  readonly #encoded = new WeakMap<FeatureMap, { readonly wire: WireFormat; readonly blob: Uint8Array }>()

  constructor(options: RequestLinksOptions) {
    this.#o = options
  }

  /** The bytes as which the whole map was sent, if it was, in that wire format. */
  encodedOf(map: FeatureMap, { bits, bottleneck, entropy }: WireFormat): Uint8Array | undefined {
    const { wire, blob } = this.#encoded.get(map) ?? {}
    const isSame = wire?.bits === bits && wire.bottleneck === bottleneck && wire.entropy === entropy
    return isSame ? blob : undefined
  }

  get self(): DeviceId {
    return this.#o.room.self
  }

  reachable(device: DeviceId): boolean {
    if (device === this.self) return true
    const link = this.#o.room.peers.get(device)?.link
    return link === 'connected' || link === 'silent'
  }

  /**
   * Sends a map, or the rows of it that each route wants. Resolves when every link has taken its message.
   * @throws TransportError, TensorError, `signal.reason`
   */
  async feature(
    address: RequestAddress,
    routes: readonly Route[],
    produced: Produced,
    options: SendFeatureOptions,
  ): Promise<void> {
    const { map, rows } = produced
    const keep = produced.exclusive !== true || routes.length > 1
    const sends: Promise<void>[] = []
    const blobs = new Map<string, Uint8Array>()
    for (const route of routes) {
      if (route.to === this.self) {
        this.#o.local.feature(this.#header(address, route, rows), map, !keep)
        continue
      }
      const key = `${route.rows?.start}:${route.rows?.end}`
      const blob = blobs.get(key) ?? (await this.#encode(produced, keep, route, options))
      blobs.set(key, blob)
      options.signal.throwIfAborted()
      const send = this.#sendFeature(address, route, blob, options)
      // It may fail while the next route is still being encoded; Promise.all below reports it.
      send.catch(() => {})
      sends.push(send)
    }
    options.encoded?.()
    await Promise.all(sends)
  }

  /** Sends an encoded picture to the shards of volume 0; every one gets the whole of it. */
  async picture(
    address: RequestAddress,
    routes: readonly Route[],
    blob: Uint8Array,
    encoding: 'jpeg' | 'webp',
    options: SendFeatureOptions,
  ): Promise<void> {
    const byDevice = new Map<DeviceId, Route>()
    for (const { to, volume, shards } of routes) {
      const known = byDevice.get(to)?.shards ?? []
      byDevice.set(to, { to, volume, shards: [...known, ...shards], exits: [], relay: false })
    }
    await Promise.all([...byDevice.values()].map((route) => this.#sendFeature(address, route, blob, options, encoding)))
  }

  async result(
    address: RequestAddress,
    header: ResultHeader,
    outputs: readonly FeatureMap[],
    originMs: number,
  ): Promise<void> {
    if (address.initiator === this.self) return this.#o.local.result(header, outputs, originMs)
    const maps = await Promise.all(outputs.map((output) => this.#o.codec.encode(output, EXACT)))
    const { spans, ...head } = header
    await this.#notify(address.initiator, 'result', { ...head, blobs: [...maps, encodeSpans(spans)] }, 'feature')
  }

  spans(address: RequestAddress, spans: readonly Span[], originMs: number): void {
    const { requestId, initiator } = address
    if (initiator === this.self) this.#o.local.spans(requestId, spans, originMs)
    else this.#quietly(initiator, 'spans', { requestId, blobs: [encodeSpans(spans)] })
  }

  failed(address: Pick<RequestAddress, 'requestId' | 'planId' | 'initiator'>, error: unknown): void {
    const { requestId, planId, initiator } = address
    if (initiator === this.self) this.#o.local.failed(requestId, planId, error)
    else this.#quietly(initiator, 'failed', { requestId, planId, error: toWire(error) })
  }

  cancel(device: DeviceId, requestId: RequestId): void {
    if (device === this.self) this.#o.local.cancel(requestId)
    else this.#quietly(device, 'cancel', { requestId })
  }

  #header(
    address: RequestAddress,
    route: Route,
    rows: Range | undefined,
    encoding: FeatureHeader['encoding'] = 'feature',
  ) {
    const { requestId, planId, initiator } = address
    return {
      requestId,
      planId,
      initiator,
      volume: route.volume,
      shards: route.shards,
      exits: route.exits,
      ...(route.relay ? { relay: true } : {}),
      ...(rows === undefined ? {} : { rows }),
      remainingMs: Math.max(0, address.deadlineAtMs - this.#o.clock.now()),
      encoding,
    }
  }

  async #encode(produced: Produced, keep: boolean, route: Route, options: SendFeatureOptions): Promise<Uint8Array> {
    const { map, rows, wire } = produced
    const startMs = this.#o.clock.now()
    const first = rows?.start ?? 0
    const wanted = route.rows && { start: route.rows.start - first, end: route.rows.end - first }
    const part = wanted === undefined ? map : sliceRows(map, wanted)
    const { signal } = options
    const blob = await this.#o.codec.encode(part, wire, { signal, keep: keep && part === map })
    if (part === map && rows === undefined) this.#encoded.set(map, { wire, blob })
    const endMs = this.#o.clock.now()
    options.onSpan({ device: this.self, kind: 'encode', startMs, endMs, volume: route.volume, bytes: blob.length })
    return blob
  }

  async #sendFeature(
    address: RequestAddress,
    route: Route,
    blob: Uint8Array,
    options: SendFeatureOptions,
    encoding: FeatureHeader['encoding'] = 'feature',
  ): Promise<void> {
    const body = { ...this.#header(address, route, route.rows, encoding), blobs: [blob] }
    const now = this.#o.clock.now()
    const { self } = this
    const { volume, to } = route
    // The arrival is not known here: the initiator stretches the span when it places it.
    options.onSpan({ device: self, kind: 'transfer', startMs: now, endMs: now, volume, bytes: blob.length, to })
    await this.#notify(to, 'feature', body, 'feature', options.signal)
  }

  async #notify<K extends 'feature' | 'result' | 'spans' | 'failed' | 'cancel'>(
    to: DeviceId,
    kind: K,
    body: NoticeOf<K>,
    priority: 'control' | 'feature',
    signal?: AbortSignal,
  ): Promise<void> {
    if (!this.reachable(to)) throw new TransportError('disconnected', `${to} is not linked`)
    const timeoutMs = this.#o.sendTimeoutMs ?? 10_000
    await this.#o.room.notify(to, kind, body, { timeoutMs, priority, signal })
  }

  /** Messages whose loss costs no answer: the other side has a deadline of its own. */
  #quietly<K extends 'spans' | 'failed' | 'cancel'>(to: DeviceId, kind: K, body: NoticeOf<K>): void {
    this.#notify(to, kind, body, 'control').catch((error: unknown) => {
      this.lastSendError = `${kind} to ${to}: ${errorText(error)}`
    })
  }

  /** For diagnosis: the last message that could not be sent. */
  lastSendError: string | undefined
}
