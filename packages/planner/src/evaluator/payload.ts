import type { WireFormat } from '@roomful/core'
import { type CutPoint, type PlannableModel, pointAt, type WireOption } from '../model/plannable.ts'
import { tileBytes, tileHeadBytes } from '../model/wires.ts'
import { type Draft, PICTURE_LOSS, PIXELS_LOSS, wireAt } from './draft.ts'
import type { Room } from './room.ts'

/** What a tensor is on the wire. */
export interface Payload {
  readonly kind: 'feature' | 'picture'
  readonly wire: WireFormat
  /** Per device of the room, ms: a row of a feature map, a picture as a whole. */
  readonly encodeMs: Float64Array
  readonly decodeMs: Float64Array
  /** Of a message with so many rows; a picture always travels as a whole. */
  readonly bytesOf: (rows: number) => number
  readonly encoderMacs: number
  readonly decoderMacs: number
  readonly accuracyLoss: number
  /** From one device to another, all rows, at the soonest; NaN: not known yet (LeastLatency). */
  readonly soonestMs: Float64Array
}

/** The payloads of a model's cut points in each wire format, made once. */
export class Payloads {
  readonly #model: PlannableModel
  readonly #room: Room
  readonly #features: Payload[][] = []
  readonly #inputs = new Map<Draft['input'], Payload>()

  constructor(model: PlannableModel, room: Room) {
    this.#model = model
    this.#room = room
  }

  feature(at: number, wire: number): Payload {
    let row = this.#features[at]
    if (row === undefined) {
      row = []
      this.#features[at] = row
    }
    let payload = row[wire]
    if (payload === undefined) {
      const point = pointAt(this.#model, at)
      const option = wireAt(this.#model, at, wire)
      const rows = Math.max(1, point.rows)
      payload = {
        kind: 'feature',
        wire: option.wire,
        ...this.#packing(point.elements / rows, option.wire),
        bytesOf: tiledBytes(point, option),
        encoderMacs: option.encoderMacs,
        decoderMacs: option.decoderMacs,
        accuracyLoss: option.accuracyLoss,
        soonestMs: this.#unknown(),
      }
      row[wire] = payload
    }
    return payload
  }

  input(format: Draft['input']): Payload {
    let payload = this.#inputs.get(format)
    if (payload === undefined) {
      payload = this.#input(format)
      this.#inputs.set(format, payload)
    }
    return payload
  }

  #input(format: Draft['input']): Payload {
    const point = pointAt(this.#model, 0)
    const rows = Math.max(1, point.rows)
    const { picture } = this.#model
    const base = { encoderMacs: 0, decoderMacs: 0, soonestMs: this.#unknown() }
    if (format === 'tensor' || format === 'pixels') {
      const exact = format === 'tensor'
      const wire: WireFormat = { bits: exact ? picture.tensorBits : 8, entropy: 'none' }
      const bytes = (point.elements * wire.bits) / 8 + tileHeadBytes(point.shape, wire.bits, point.elements)
      const option = { wire, bytes, accuracyLoss: 0, measured: false, encoderMacs: 0, decoderMacs: 0 }
      return {
        ...base,
        kind: 'feature',
        wire,
        ...this.#packing(point.elements / rows, wire),
        bytesOf: tiledBytes(point, option),
        accuracyLoss: exact ? 0 : PIXELS_LOSS,
      }
    }
    const bytes = format === 'jpeg' ? picture.jpeg : picture.webp
    const pictureMs = Float64Array.from(this.#room.devices, ({ codec }) => codec.pictureMs(picture.pixels))
    return {
      ...base,
      kind: 'picture',
      wire: { bits: 8, entropy: 'none' },
      encodeMs: pictureMs,
      decodeMs: pictureMs,
      bytesOf: () => bytes,
      accuracyLoss: PICTURE_LOSS,
    }
  }

  #unknown(): Float64Array {
    return new Float64Array(this.#room.devices.length ** 2).fill(Number.NaN)
  }

  #packing(elementsPerRow: number, wire: WireFormat): Pick<Payload, 'encodeMs' | 'decodeMs'> {
    const { devices } = this.#room
    return {
      encodeMs: Float64Array.from(devices, ({ codec }) => codec.encodeMs(elementsPerRow, wire)),
      decodeMs: Float64Array.from(devices, ({ codec }) => codec.decodeMs(elementsPerRow, wire)),
    }
  }
}

/** `tileBytes` by the number of rows, each computed once. */
function tiledBytes(point: CutPoint, option: WireOption): (rows: number) => number {
  const known = new Float64Array(Math.max(1, point.rows) + 1).fill(-1)
  return (rows) => {
    const cached = known[rows] ?? -1
    if (cached >= 0) return cached
    const bytes = tileBytes(point, option, rows)
    known[rows] = bytes
    return bytes
  }
}
