import type { BucketRate } from './token-bucket.ts'

/** Every bound of the server in one place; tests and operators may change any of them. */
export interface Limits {
  readonly maxRooms: number
  readonly maxDevicesPerRoom: number
  readonly maxConnections: number
  /** One network often shares one address, so this is a room's size, not a person's. */
  readonly maxConnectionsPerAddress: number
  /** Largest socket.io packet in bytes; a profile has a few KB, a sealed description less than 32. */
  readonly maxPayloadBytes: number
  /** A device that has sent nothing for this long is removed. Hidden tabs may fire timers once a minute only. */
  readonly deviceTimeoutMs: number
  /** How long a device whose socket was lost keeps its place for coming back with its resume token. */
  readonly reconnectGraceMs: number
  /** Malformed events after which a socket is closed. */
  readonly maxMalformed: number
  readonly rates: Readonly<Record<'join' | 'profile' | 'signal' | 'heartbeat' | 'leave' | 'ice', BucketRate>>
}

export const DEFAULT_LIMITS: Limits = {
  maxRooms: 1000,
  maxDevicesPerRoom: 64,
  maxConnections: 4096,
  maxConnectionsPerAddress: 256,
  maxPayloadBytes: 64 * 1024,
  deviceTimeoutMs: 90_000,
  reconnectGraceMs: 5000,
  maxMalformed: 20,
  rates: {
    join: { burst: 5, perSecond: 0.5 },
    profile: { burst: 20, perSecond: 4 },
    // Joining a full room: some 15 descriptions and candidates for each of 63 peers.
    signal: { burst: 1000, perSecond: 50 },
    heartbeat: { burst: 10, perSecond: 1 },
    leave: { burst: 5, perSecond: 0.5 },
    ice: { burst: 20, perSecond: 1 },
  },
}
