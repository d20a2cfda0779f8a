import type { ByteChannel } from './channel.ts'

/** What two ends of a connection tell each other through the signalling server while they find a path. */
export type ConnectionSignal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | {
      readonly type: 'candidate'
      readonly candidate: {
        readonly candidate: string
        readonly sdpMLineIndex?: number | null | undefined
        readonly sdpMid?: string | null | undefined
      }
    }
  | { readonly type: 'renegotiate'; readonly renegotiate: true }

/** A reliable channel for messages and an unordered, unreliable one for heartbeats, over one path to a peer. */
export interface PeerConnection {
  readonly data: ByteChannel
  /** Sends one small datagram; it may be lost, and is lost without error while there is no channel. */
  sendBeat(bytes: Uint8Array<ArrayBuffer>): void
  /** Some count of everything that has arrived from the peer, down to acknowledgements; undefined when unknown. */
  arrived?(): Promise<number | undefined>
  signal(signal: ConnectionSignal): void
  /** Looks for a new path while the old one may still work. Only the initiator's call has an effect. */
  restartIce(): void
  close(): void
}

export interface PeerConnectionEvents {
  onSignal(signal: ConnectionSignal): void
  /** Both channels are usable. */
  onOpen(): void
  onBeat(bytes: Uint8Array): void
  /** The path answers no more; it may come back by itself or after `restartIce`. */
  onTrouble(): void
}

export interface PeerConnectionOptions extends PeerConnectionEvents {
  readonly initiator: boolean
  readonly iceServers: readonly RTCIceServer[]
}

/** Makes one connection; WebRTC in browsers, an in-memory pair in tests. */
export type Connect = (options: PeerConnectionOptions) => PeerConnection
