import type { Clock, DeviceId, DeviceProfile, LinkProfile } from '@roomful/core'
import type { NoticeKind, NoticeOf, PeerMessage, ReplyOf, RequestKind, RequestOf } from '@roomful/protocol'
import { Emitter } from './emitter.ts'
import { HandlerTable, type HoldLimits } from './handlers.ts'
import type { MessageLink } from './message-link.ts'
import { PeerLink, type PeerLinkLimits } from './peer-link.ts'
import {
  type CallContext,
  type LinkFigures,
  type PeerState,
  type Room,
  type RoomEvents,
  type SendOptions,
  TransportError,
} from './room.ts'

/** What differs between rooms: how a profile is published and how the room is left. */
export interface RoomHost {
  publish(profile: DeviceProfile): void
  leave(): Promise<void> | void
  /** Drop the link to a peer that sends nonsense. */
  expel(id: DeviceId, error: TransportError): void
}

interface Peer {
  state: PeerState
  link?: PeerLink
}

/**
 * The part of a Room that does not care how bytes travel: who is there, what their links are, handlers, and the way of
 * a question. It answers `probe` itself. A host (memory network, WebRTC) reports what happens through the methods below the line.
 */
export class RoomCore implements Room {
  readonly self: DeviceId
  readonly #clock: Clock
  readonly #host: RoomHost
  readonly #peers = new Map<DeviceId, Peer>()
  /** What `peers` returns until something changes: every request asks several times. */
  #states: ReadonlyMap<DeviceId, PeerState> | undefined
  readonly #events = new Emitter<RoomEvents>()
  readonly #handlers: HandlerTable
  readonly #linkLimits: PeerLinkLimits | undefined
  #profile: DeviceProfile
  #roomLinks: readonly LinkProfile[] = []
  #closed = false

  constructor(options: {
    profile: DeviceProfile
    clock: Clock
    host: RoomHost
    hold?: HoldLimits
    link?: PeerLinkLimits
  }) {
    this.self = options.profile.id
    this.#profile = options.profile
    this.#clock = options.clock
    this.#host = options.host
    this.#linkLimits = options.link
    this.#handlers = new HandlerTable((text) => this.#events.emit('warning', text), options.hold)
    this.handle('probe', async ({ replyBytes }) => (replyBytes === 0 ? {} : { blobs: [new Uint8Array(replyBytes)] }))
  }

  get profile(): DeviceProfile {
    return this.#profile
  }

  get closed(): boolean {
    return this.#closed
  }

  get peers(): ReadonlyMap<DeviceId, PeerState> {
    this.#states ??= new Map([...this.#peers].map(([id, peer]) => [id, peer.state]))
    return this.#states
  }

  get links(): readonly LinkProfile[] {
    const own = this.ownLinks
    const foreign = this.#roomLinks.filter((link) => link.a !== this.self && link.b !== this.self)
    return [...own, ...foreign]
  }

  /** First-hand links: connected and measured. */
  get ownLinks(): LinkProfile[] {
    return [...this.#peers].flatMap(([id, { state }]) => {
      const { link, rttMs, mbitPerSecond, sendMbitPerSecond, receiveMbitPerSecond } = state
      if (link !== 'connected' || rttMs === undefined || mbitPerSecond === undefined) return []
      return [
        {
          a: this.self,
          b: id,
          rttMs,
          mbitPerSecond,
          ...(sendMbitPerSecond === undefined ? {} : { forwardMbitPerSecond: sendMbitPerSecond }),
          ...(receiveMbitPerSecond === undefined ? {} : { backwardMbitPerSecond: receiveMbitPerSecond }),
        },
      ]
    })
  }

  async request<K extends RequestKind>(
    to: DeviceId,
    kind: K,
    body: RequestOf<K>,
    options: SendOptions,
  ): Promise<ReplyOf<K>> {
    return (await this.#linkTo(to).request(kind, body, options)) as ReplyOf<K>
  }

  notify<K extends NoticeKind>(to: DeviceId, kind: K, body: NoticeOf<K>, options: SendOptions): Promise<void> {
    try {
      return this.#linkTo(to).notify(kind, body, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  handle<K extends RequestKind>(
    kind: K,
    handler: (body: RequestOf<K>, context: CallContext) => Promise<ReplyOf<K>>,
  ): () => void {
    return this.#handlers.handle(kind, (body, context) => handler(body as RequestOf<K>, context))
  }

  onNotice<K extends NoticeKind>(kind: K, handler: (body: NoticeOf<K>, from: DeviceId) => void): () => void {
    return this.#handlers.onNotice(kind, (body, from) => handler(body as NoticeOf<K>, from))
  }

  on<E extends keyof RoomEvents>(event: E, listener: RoomEvents[E]): () => void {
    return this.#events.on(event, listener as RoomEvents[E] & ((...values: never[]) => void))
  }

  updateProfile(change: Partial<Omit<DeviceProfile, 'id' | 'protocol'>>): void {
    if (this.#closed) return
    this.#profile = { ...this.#profile, ...change, id: this.self, protocol: this.#profile.protocol }
    this.#host.publish(this.#profile)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const error = new TransportError('closed', 'the room was left')
    for (const peer of this.#peers.values()) peer.link?.end(error)
    this.#peers.clear()
    this.#states = undefined
    this.#handlers.clear()
    await this.#host.leave()
    this.#events.emit('signalling', 'closed')
    this.#events.clear()
  }

  // ---- what the host reports ----

  emit<E extends keyof RoomEvents>(
    event: E,
    ...values: RoomEvents[E] extends (...v: infer V) => void ? V : never
  ): void {
    if (!this.#closed) this.#events.emit(event, ...values)
  }

  /** A peer appeared or published a changed profile. */
  peerKnown(profile: DeviceProfile): void {
    if (this.#closed || profile.id === this.self) return
    const peer = this.#peers.get(profile.id)
    if (peer === undefined) this.#peers.set(profile.id, { state: { profile, link: 'linking' } })
    else peer.state = { ...peer.state, profile }
    this.#changed(profile.id)
  }

  /** Hello was exchanged; questions may travel. Replaces an older link. */
  linkUp(id: DeviceId, link: MessageLink): PeerLink | undefined {
    const peer = this.#peers.get(id)
    if (this.#closed || peer === undefined) {
      link.close()
      return undefined
    }
    peer.link?.end(new TransportError('disconnected', `the link to ${peer.state.profile.name} was replaced`))
    peer.link = new PeerLink({
      peer: id,
      link,
      clock: this.#clock,
      handlers: this.#handlers,
      onAbuse: (error) => {
        this.emit('warning', error.message)
        this.#host.expel(id, error)
      },
      ...(this.#linkLimits === undefined ? {} : { limits: this.#linkLimits }),
    })
    peer.state = { ...peer.state, link: 'connected' }
    this.#changed(id)
    return peer.link
  }

  /** Heartbeats stopped, or came back. */
  linkSilent(id: DeviceId, silent: boolean): void {
    const peer = this.#peers.get(id)
    const link = silent ? 'silent' : 'connected'
    if (peer?.link === undefined || peer.state.link === link) return
    peer.state = { ...peer.state, link }
    this.#changed(id)
  }

  linkMeasured(id: DeviceId, measured: LinkFigures): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) return
    peer.state = { ...peer.state, ...measured }
    this.#changed(id)
  }

  /** The link ended but the peer is still registered: it may come back. */
  linkDown(id: DeviceId, reason: string): void {
    const peer = this.#peers.get(id)
    if (peer === undefined || peer.state.link === 'lost') return
    peer.link?.end(new TransportError('disconnected', `${peer.state.profile.name}: ${reason}`))
    delete peer.link
    peer.state = { ...peer.state, link: 'lost' }
    this.#changed(id)
    this.emit('gone', id, reason)
  }

  /** A new attempt to link a lost peer has begun. */
  linkRetry(id: DeviceId): void {
    const peer = this.#peers.get(id)
    if (peer === undefined || peer.state.link !== 'lost') return
    peer.state = { ...peer.state, link: 'linking' }
    this.#changed(id)
  }

  /** The peer left the registry and its link is gone. */
  peerGone(id: DeviceId, reason: string): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) return
    peer.link?.end(new TransportError('disconnected', `${peer.state.profile.name}: ${reason}`))
    this.#peers.delete(id)
    this.#states = undefined
    this.emit('gone', id, reason)
  }

  /** Links between others, as the registry knows them. */
  setRoomLinks(links: readonly LinkProfile[]): void {
    this.#roomLinks = links
  }

  /** A message whose form has been checked. */
  receive(from: DeviceId, message: PeerMessage): void {
    this.#peers.get(from)?.link?.receive(message)
  }

  linkOf(id: DeviceId): PeerLink | undefined {
    return this.#peers.get(id)?.link
  }

  #changed(id: DeviceId): void {
    this.#states = undefined
    const peer = this.#peers.get(id)
    if (peer !== undefined) this.emit('peer', id, peer.state)
  }

  #linkTo(id: DeviceId): PeerLink {
    if (this.#closed) throw new TransportError('closed', 'the room was left')
    const peer = this.#peers.get(id)
    if (peer === undefined) throw new TransportError('unreachable', `${id} is not in this room`)
    if (peer.link === undefined) {
      throw new TransportError('unreachable', `no link to ${peer.state.profile.name} (${peer.state.link})`)
    }
    return peer.link
  }
}
