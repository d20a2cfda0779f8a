import type { WireFormat } from '@roomful/core'
import { type CutPoint, type PlannableModel, pointAt, type WireOption } from '../model/plannable.ts'
import { tileBytes, tileHeadBytes } from '../model/wires.ts'
import { type Draft, PICTURE_LOSS, PIXELS_LOSS, wireAt } from './draft.ts'

/** What a tensor is on the wire. */
export interface Payload {
  readonly kind: 'feature' | 'picture'
  readonly wire: WireFormat
  readonly elementsPerRow: number
  /** Of a message with so many rows; a picture always travels as a whole. */
  readonly bytesOf: (rows: number) => number
  readonly pixels: number
  readonly encoderMacs: number
  readonly decoderMacs: number
  readonly accuracyLoss: number
}

/** The payloads of a model's cut points in each wire format, made once. */
export class Payloads {
  readonly #model: PlannableModel
  readonly #features: Payload[][] = []
  readonly #inputs = new Map<Draft['input'], Payload>()

  constructor(model: PlannableModel) {
    this.#model = model
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
        elementsPerRow: point.elements / rows,
        bytesOf: tiledBytes(point, option),
        pixels: 0,
        encoderMacs: option.encoderMacs,
        decoderMacs: option.decoderMacs,
        accuracyLoss: option.accuracyLoss,
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
    const base = { elementsPerRow: point.elements / rows, encoderMacs: 0, decoderMacs: 0, pixels: picture.pixels }
    if (format === 'tensor' || format === 'pixels') {
      const exact = format === 'tensor'
      const wire: WireFormat = { bits: exact ? picture.tensorBits : 8, entropy: 'none' }
      const bytes = (point.elements * wire.bits) / 8 + tileHeadBytes(point.shape, wire.bits, point.elements)
      const option = { wire, bytes, accuracyLoss: 0, measured: false, encoderMacs: 0, decoderMacs: 0 }
      return {
        ...base,
        kind: 'feature',
        wire,
        bytesOf: tiledBytes(point, option),
        accuracyLoss: exact ? 0 : PIXELS_LOSS,
      }
    }
    const bytes = format === 'jpeg' ? picture.jpeg : picture.webp
    return {
      ...base,
      kind: 'picture',
      wire: { bits: 8, entropy: 'none' },
      bytesOf: () => bytes,
      accuracyLoss: PICTURE_LOSS,
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
