import { Holders } from './holders.ts'
import type { Room } from './room.ts'

/** How far a request has come when some of a plan's volumes are done: from here plans that begin alike go on. */
export class Checkpoint {
  readonly held = new Holders()
  /** Of `Resources`. */
  readonly resources: Float64Array
  /** Of `MemoryUse`. */
  readonly memory: Float64Array
  pictureMs = -1
  bytes = 0
  rows = 0
  noise = 0

  constructor(room: Room) {
    this.resources = new Float64Array(resourceNumbers(room.processors.length, room.devices.length))
    this.memory = new Float64Array(2 * room.devices.length)
  }
}

/** Length of `Resources.all`. */
export const resourceNumbers = (processors: number, devices: number): number =>
  2 * processors + 6 * devices + devices * devices
