import { type DeviceId, type DeviceProfile, type LinkProfile, ReasonedError } from '@roomful/core'
import type { NoticeKind, NoticeOf, ReplyOf, RequestKind, RequestOf } from '@roomful/protocol'

export class TransportError extends ReasonedError<
  'timeout' | 'disconnected' | 'rejected' | 'too-large' | 'malformed' | 'version' | 'closed' | 'unreachable'
> {
  override readonly name = 'TransportError'
}

/** Higher overtakes lower between slices of messages: control and cancel before bulk. */
export type Priority = 'control' | 'feature' | 'bulk'

/** What is known of the link to one peer; rates in 10^6 bits per second. */
export interface LinkFigures {
  readonly rttMs?: number
  /** The slower direction: plans take one figure for both. */
  readonly mbitPerSecond?: number
  /** What the peer gets from here, by its word. */
  readonly sendMbitPerSecond?: number
  readonly receiveMbitPerSecond?: number
}

export interface PeerState extends LinkFigures {
  readonly profile: DeviceProfile
  /** `linking` until hello was exchanged; `silent` when heartbeats stopped but the link may come back. */
  readonly link: 'linking' | 'connected' | 'silent' | 'lost'
}

export interface RoomEvents {
  /** A peer appeared, changed its profile, or its link changed state. */
  peer(id: DeviceId, state: PeerState): void
  /** A peer is gone: it left, or its link is lost. Requests to it have been rejected with `disconnected`. */
  gone(id: DeviceId, reason: string): void
  /**
   * The signalling server has lost its line to a peer: a hint, at once, that it may be dead. Links do not depend on that
   * line, so it may as well go on.
   */
  unseen(id: DeviceId): void
  /** The signalling server's reachability; running links do not depend on it. */
  signalling(state: 'connected' | 'reconnecting' | 'closed', detail?: string): void
  /** Something refused or malformed that a person may want to know about. */
  warning(text: string): void
}

export interface SendOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  readonly priority?: Priority
}

/** The handler's view of one incoming request; `signal` aborts when the asker aborts, times out or leaves. */
export interface CallContext {
  readonly from: DeviceId
  readonly signal: AbortSignal
}

/**
 * A device's place in a room: typed questions and notices to peers that are linked directly. In-memory, simulated and
 * WebRTC rooms implement it and pass the same contract tests (`transport/testing`).
 */
export interface Room extends AsyncDisposable {
  readonly self: DeviceId
  /** All known peers, linked or not, without self. */
  readonly peers: ReadonlyMap<DeviceId, PeerState>
  /** Measured links of the whole room as the registry knows them, own links first-hand. */
  readonly links: readonly LinkProfile[]
  /** @throws TransportError; a failure of the peer's handler arrives as the ReasonedError it threw */
  request<K extends RequestKind>(to: DeviceId, kind: K, body: RequestOf<K>, options: SendOptions): Promise<ReplyOf<K>>
  /** Resolves when the message has been handed to the link below its high-water mark (not when it arrived). */
  notify<K extends NoticeKind>(to: DeviceId, kind: K, body: NoticeOf<K>, options: SendOptions): Promise<void>
  /** One handler per kind; messages that arrive before it is set are held (bounded) and delivered. Returns an undo. */
  handle<K extends RequestKind>(
    kind: K,
    handler: (body: RequestOf<K>, context: CallContext) => Promise<ReplyOf<K>>,
  ): () => void
  onNotice<K extends NoticeKind>(kind: K, handler: (body: NoticeOf<K>, from: DeviceId) => void): () => void
  on<E extends keyof RoomEvents>(event: E, listener: RoomEvents[E]): () => void
  /** Publishes a changed profile to the room. */
  updateProfile(change: Partial<Omit<DeviceProfile, 'id' | 'protocol'>>): void
}
