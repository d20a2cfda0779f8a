import type { PlannableModel } from '../model/plannable.ts'
import type { DraftExit } from './draft.ts'
import { Holders } from './holders.ts'
import type { Room } from './room.ts'

/** How far a request has come when some of a plan's volumes are done: from here plans that begin alike go on. */
export class Checkpoint {
  readonly held = new Holders()
  /** Of `Resources`. */
  readonly resources: Float64Array
  /** Of `MemoryUse`. */
  readonly memory: Float64Array
  pictureMs = Number.NaN
  bytes = Number.NaN
  rows = 0
  noise = Number.NaN
  certainMs = Number.POSITIVE_INFINITY
  /** Per exit of the model, when its answer is at the initiator. */
  readonly exitMs: Float64Array
  readonly verdictMs: number[] = []
  readonly verdictShare: number[] = []

  constructor(room: Room, { exits }: PlannableModel) {
    this.exitMs = new Float64Array(exits.length)
    this.resources = new Float64Array(resourceNumbers(room.processors.length, room.devices.length))
    this.memory = new Float64Array(2 * room.devices.length)
  }

  keepExits(exits: readonly DraftExit[], exitMs: readonly number[]): void {
    this.exitMs.fill(Number.POSITIVE_INFINITY)
    for (let at = 0; at < exits.length; at++) this.exitMs[(exits[at] as DraftExit).exit] = exitMs[at] as number
  }
}

/** Length of `Resources.all`. */
export const resourceNumbers = (processors: number, devices: number): number =>
  2 * processors + 7 * devices + devices * devices
