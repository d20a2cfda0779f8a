import { type PlannableModel, pointAt, segmentAt } from '../model/plannable.ts'
import type { DraftVolume } from './draft.ts'
import type { Room } from './room.ts'

/** Bytes of fp32 weights and of the largest activations that a draft needs on each device. */
export class MemoryUse {
  readonly #room: Room
  /** Weights and activations, one behind the other. */
  readonly all: Float64Array
  readonly #weights: Float64Array
  readonly #activations: Float64Array
  /** `#volumes[from * points + to]`, as far as they are known. */
  readonly #volumes: ({ readonly parameters: number; readonly activation: number } | undefined)[] = []
  #parameters = 0
  #activation = 0

  constructor(room: Room) {
    this.#room = room
    this.all = new Float64Array(2 * room.devices.length)
    this.#weights = this.all.subarray(0, room.devices.length)
    this.#activations = this.all.subarray(room.devices.length)
  }

  reset(): void {
    this.all.fill(0)
  }

  /** Sets the volume to which the next `add` calls refer. */
  enter(model: PlannableModel, volume: DraftVolume): void {
    const at = volume.from * model.points.length + volume.to
    const known = this.#volumes[at]
    if (known !== undefined) {
      this.#parameters = known.parameters
      this.#activation = known.activation
      return
    }
    this.#parameters = 0
    this.#activation = 0
    for (let i = volume.from; i < volume.to; i++) {
      const segment = segmentAt(model, i)
      this.#parameters += segment.parameters
      if (segment.activationBytes > this.#activation) this.#activation = segment.activationBytes
    }
    this.#volumes[at] = { parameters: this.#parameters, activation: this.#activation }
  }

  /** A device computes this share (0..1) of the volume's rows. */
  add(device: number, share: number): void {
    this.#weights[device] = (this.#weights[device] as number) + this.#parameters * 4
    this.#activations[device] = Math.max(this.#activations[device] as number, this.#activation * share)
  }

  /** All of a volume's shards, on the devices of their processors. */
  reserve(model: PlannableModel, volume: DraftVolume, device: Int32Array): void {
    this.enter(model, volume)
    for (const { processor, start, end } of volume.shards) {
      this.add(device[processor] as number, rowShare(model, volume, start, end))
    }
  }

  bytes(): number[] {
    return Array.from(this.#weights, (weights, at) => weights + (this.#activations[at] as number))
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

/** Share of a volume's rows in `[start, end)`. */
export function rowShare(model: PlannableModel, volume: DraftVolume, start: number, end: number): number {
  const { rows } = pointAt(model, volume.to)
  return volume.shards.length === 1 || rows === 0 ? 1 : (end - start) / rows
}
