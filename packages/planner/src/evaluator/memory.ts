import { type PlannableModel, pointAt, segmentAt } from '../model/plannable.ts'
import type { DraftVolume } from './draft.ts'
import type { Room } from './room.ts'

/** Bytes of fp32 weights and of the largest activations that a draft needs on each device. */
export class MemoryUse {
  readonly #room: Room
  readonly #weights: number[]
  readonly #activations: number[]

  constructor(room: Room) {
    this.#room = room
    this.#weights = new Array(room.devices.length).fill(0)
    this.#activations = new Array(room.devices.length).fill(0)
  }

  get bytes(): number[] {
    return this.#weights.map((weights, at) => weights + (this.#activations[at] as number))
  }

  add(model: PlannableModel, volume: DraftVolume, device: number, start: number, end: number): void {
    const rows = pointAt(model, volume.to).rows
    const share = volume.shards.length === 1 || rows === 0 ? 1 : (end - start) / rows
    let parameters = 0
    let activation = 0
    for (let i = volume.from; i < volume.to; i++) {
      const segment = segmentAt(model, i)
      parameters += segment.parameters
      activation = Math.max(activation, segment.activationBytes * share)
    }
    this.#weights[device] = (this.#weights[device] as number) + parameters * 4
    this.#activations[device] = Math.max(this.#activations[device] as number, activation)
  }

  /** A sentence's end when a device lacks memory. */
  overflow(): string | undefined {
    for (const device of this.#room.devices) {
      const need = (this.#weights[device.index] as number) + (this.#activations[device.index] as number)
      if (need <= device.memoryBytes) continue
      return `${device.name} has ${Math.round(device.memoryBytes / 1e6)} MB and would need ${Math.ceil(need / 1e6)} MB`
    }
    return undefined
  }
}
