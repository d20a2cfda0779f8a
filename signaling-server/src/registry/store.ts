import type { DeviceId, DeviceProfile, LinkProfile, RoomId } from '@roomful/core'

/** One device's entry in a room. */
export interface Registration {
  readonly profile: DeviceProfile
  /** The links that the device itself has measured. */
  readonly links: readonly LinkProfile[]
  /** Secret between server and device: whoever has it may take the entry over after a lost socket. */
  readonly resume: string
}

export type JoinOutcome = 'joined' | 'resumed' | 'room-full' | 'rooms-full' | 'id-taken'

/**
 * Who is in which room. In memory for one process, in Redis for several; each method is atomic. Nothing is kept on disk:
 * after a restart the devices join again with their whole profiles.
 */
export interface RegistryStore {
  /** Adds the device, or replaces its entry when `previousResume` equals the entry's token. */
  join(room: RoomId, entry: Registration, previousResume: string | undefined): Promise<JoinOutcome>
  /** Replaces an entry and extends its life; false when there is none with this token. */
  update(room: RoomId, entry: Registration): Promise<boolean>
  /** Extends an entry's life; false when there is none with this token. */
  touch(room: RoomId, id: DeviceId, resume: string): Promise<boolean>
  /** Removes an entry; false when there is none with this token. */
  remove(room: RoomId, id: DeviceId, resume: string): Promise<boolean>
  has(room: RoomId, id: DeviceId): Promise<boolean>
  list(room: RoomId): Promise<readonly Registration[]>
  /** Removes entries that were not extended within the device timeout and tells which they were. */
  expire(): Promise<readonly { room: RoomId; id: DeviceId }[]>
  count(): Promise<{ rooms: number; devices: number }>
  close(): Promise<void>
}

export interface StoreLimits {
  readonly maxRooms: number
  readonly maxDevicesPerRoom: number
  readonly deviceTimeoutMs: number
}
