import type { Clock, DeviceId, RoomId } from '@roomful/core'
import type { JoinOutcome, Registration, RegistryStore, StoreLimits } from './store.ts'

interface Entry {
  registration: Registration
  seenMs: number
}

/** The registry of one process. */
export class MemoryStore implements RegistryStore {
  readonly #rooms = new Map<RoomId, Map<DeviceId, Entry>>()
  readonly #limits: StoreLimits
  readonly #clock: Clock

  constructor(limits: StoreLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  async join(room: RoomId, registration: Registration, previousResume: string | undefined): Promise<JoinOutcome> {
    const devices = this.#rooms.get(room)
    const known = devices?.get(registration.profile.id)
    if (known !== undefined && known.registration.resume !== previousResume) return 'id-taken'
    if (known === undefined) {
      if (devices === undefined && this.#rooms.size >= this.#limits.maxRooms) return 'rooms-full'
      if (devices !== undefined && devices.size >= this.#limits.maxDevicesPerRoom) return 'room-full'
    }
    const target = devices ?? new Map<DeviceId, Entry>()
    target.set(registration.profile.id, { registration, seenMs: this.#clock.now() })
    this.#rooms.set(room, target)
    return known === undefined ? 'joined' : 'resumed'
  }

  async update(room: RoomId, registration: Registration): Promise<boolean> {
    const entry = this.#find(room, registration.profile.id, registration.resume)
    if (entry === undefined) return false
    entry.registration = registration
    entry.seenMs = this.#clock.now()
    return true
  }

  async touch(room: RoomId, id: DeviceId, resume: string): Promise<boolean> {
    const entry = this.#find(room, id, resume)
    if (entry === undefined) return false
    entry.seenMs = this.#clock.now()
    return true
  }

  async remove(room: RoomId, id: DeviceId, resume: string): Promise<boolean> {
    if (this.#find(room, id, resume) === undefined) return false
    this.#delete(room, id)
    return true
  }

  async has(room: RoomId, id: DeviceId): Promise<boolean> {
    return this.#rooms.get(room)?.has(id) ?? false
  }

  async list(room: RoomId): Promise<readonly Registration[]> {
    return [...(this.#rooms.get(room)?.values() ?? [])].map((entry) => entry.registration)
  }

  async expire(): Promise<readonly { room: RoomId; id: DeviceId }[]> {
    const oldestMs = this.#clock.now() - this.#limits.deviceTimeoutMs
    const gone: { room: RoomId; id: DeviceId }[] = []
    for (const [room, devices] of this.#rooms) {
      for (const [id, entry] of devices) if (entry.seenMs < oldestMs) gone.push({ room, id })
    }
    for (const { room, id } of gone) this.#delete(room, id)
    return gone
  }

  async count(): Promise<{ rooms: number; devices: number }> {
    let devices = 0
    for (const room of this.#rooms.values()) devices += room.size
    return { rooms: this.#rooms.size, devices }
  }

  async close(): Promise<void> {
    this.#rooms.clear()
  }

  #find(room: RoomId, id: DeviceId, resume: string): Entry | undefined {
    const entry = this.#rooms.get(room)?.get(id)
    return entry?.registration.resume === resume ? entry : undefined
  }

  #delete(room: RoomId, id: DeviceId): void {
    const devices = this.#rooms.get(room)
    devices?.delete(id)
    if (devices?.size === 0) this.#rooms.delete(room)
  }
}
