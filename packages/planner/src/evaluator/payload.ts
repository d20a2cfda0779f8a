import type { WireFormat } from '@roomful/core'
import { type PlannableModel, pointAt } from '../model/plannable.ts'
import { type Draft, PICTURE_LOSS, wireAt } from './draft.ts'

/** What a tensor is on the wire. */
export interface Payload {
  readonly kind: 'feature' | 'picture'
  readonly wire: WireFormat
  readonly elementsPerRow: number
  /** For a picture: its bytes as a whole, whatever rows are needed. */
  readonly bytesPerRow: number
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
        bytesPerRow: option.bytes / rows,
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
    if (format === 'tensor') {
      const bytesPerRow = (point.elements / rows) * (picture.tensorBits / 8)
      return {
        ...base,
        kind: 'feature',
        wire: { bits: picture.tensorBits, entropy: 'none' },
        bytesPerRow,
        accuracyLoss: 0,
      }
    }
    const bytes = format === 'jpeg' ? picture.jpeg : picture.webp
    return {
      ...base,
      kind: 'picture',
      wire: { bits: 8, entropy: 'none' },
      bytesPerRow: bytes,
      accuracyLoss: PICTURE_LOSS,
    }
  }
}
