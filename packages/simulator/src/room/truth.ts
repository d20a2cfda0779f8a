import type { DeviceId } from '@roomful/core'
import { type PlanningLimits, type RoomFile, readRoom } from '@roomful/planner'
import type { RoomJson } from '../scenario.ts'

/** How the room really is at this moment; what its devices report follows from it. */
export class Truth {
  #json: RoomJson
  #file: RoomFile

  /** @throws PlannerError `room` */
  constructor(json: RoomJson) {
    this.#json = json
    this.#file = readRoom(json)
  }

  get room(): RoomFile {
    return this.#file
  }

  get limits(): PlanningLimits {
    return this.#file.limits
  }

  /** The share of a device that others take. */
  setLoad(device: string, load: number): void {
    this.#change((one) => (one.id === device ? { ...one, load } : one))
  }

  profile(id: string) {
    return this.#file.topology.devices.find((device) => device.id === (id as DeviceId))
  }

  #change(each: (device: RoomJson['devices'][number]) => RoomJson['devices'][number]): void {
    this.#json = { ...this.#json, devices: this.#json.devices.map(each) }
    this.#file = readRoom(this.#json)
  }
}
