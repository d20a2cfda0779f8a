import type { DeviceId, DeviceProfile, LinkProfile, RoomId } from '@roomful/core'

/** Sealed with the room's signalling key (AES-GCM): the server passes it on and cannot read it. base64url. */
export type Sealed = string

/** Why the server said no. `retryAfterMs` only with `rate-limited`. */
export interface SignallingRefusal {
  readonly ok: false
  readonly reason:
    | 'malformed'
    | 'too-large'
    | 'rate-limited'
    | 'room-full'
    | 'version'
    | 'not-joined'
    | 'unknown-peer'
    | 'id-taken'
  readonly message: string
  readonly retryAfterMs?: number
}
export type SignallingAnswer<T extends object = object> = ({ readonly ok: true } & T) | SignallingRefusal

/** socket.io events, client to server; each is acknowledged. */
export interface ClientEvents {
  /** Join (or re-join after a restart: the registry refills) with the whole profile. */
  join(
    message: { room: RoomId; profile: DeviceProfile; links: readonly LinkProfile[]; resume?: string },
    ack: (
      answer: SignallingAnswer<{ peers: readonly DeviceProfile[]; links: readonly LinkProfile[]; resume: string }>,
    ) => void,
  ): void
  profile(
    message: { profile: DeviceProfile; links: readonly LinkProfile[] },
    ack: (answer: SignallingAnswer) => void,
  ): void
  signal(message: { to: DeviceId; sealed: Sealed }, ack: (answer: SignallingAnswer) => void): void
  heartbeat(ack: (answer: SignallingAnswer) => void): void
  leave(ack: (answer: SignallingAnswer) => void): void
}

/** socket.io events, server to client. */
export interface ServerEvents {
  'peer-joined'(message: { profile: DeviceProfile }): void
  'peer-updated'(message: { profile: DeviceProfile; links: readonly LinkProfile[] }): void
  /** Its line to the server has broken; it keeps its place for a while, and may be dead. */
  'peer-unseen'(message: { id: DeviceId }): void
  'peer-left'(message: { id: DeviceId; reason: 'left' | 'timeout' | 'disconnected' }): void
  signal(message: { from: DeviceId; sealed: Sealed }): void
  'server-closing'(): void
}
