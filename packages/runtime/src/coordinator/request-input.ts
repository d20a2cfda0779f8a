import type { PictureFormat } from '@roomful/core'
import {
  checkPicture,
  checkSpec,
  coverPixels,
  type FeatureMap,
  type InputSpec,
  normalise,
  type Picture,
  PreprocessError,
} from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import type { StagedModel } from '../model/staged-model.ts'
import type { PictureCodec, Pixels } from '../wire/picture-codec.ts'

/** What is classified: RGBA pixels of any size, or a tensor as the model takes it. */
export type PictureInput = { readonly picture: Picture } | { readonly tensor: FeatureMap }

/** A picture of the model's size: RGB, 3 bytes a pixel, row by row, and what the model makes of it. */
export interface InputPixels {
  readonly rgb: Uint8Array
  readonly spec: InputSpec
}

/** One request's input, preprocessed or encoded only when somebody needs it, and only once. */
export class RequestInput {
  readonly #source: PictureInput
  readonly #model: StagedModel
  #tensor: FeatureMap | undefined
  #pixels: Uint8Array | undefined
  #encoded: { readonly as: PictureFormat; readonly blob: Uint8Array } | undefined

  /** @throws RuntimeError `bad-input` */
  constructor(source: PictureInput, model: StagedModel) {
    this.#source = source
    this.#model = model
    if ('tensor' in source) this.#tensor = checked(source.tensor, model.input.dims)
    else if (model.input.spec === undefined)
      throw new RuntimeError('bad-input', 'this model takes tensors, not pictures')
  }

  get isPicture(): boolean {
    return 'picture' in this.#source
  }

  /** A picture's tensor for somebody who gives it away. @throws RuntimeError `bad-input` */
  takeTensor(): FeatureMap {
    return this.#preprocess()
  }

  /** @throws RuntimeError `bad-input` */
  tensor(): FeatureMap {
    this.#tensor ??= this.#preprocess()
    return this.#tensor
  }

  /** Undefined where a tensor was given. @throws RuntimeError `bad-input` */
  pixels(): InputPixels | undefined {
    const { spec } = this.#model.input
    if (!('picture' in this.#source) || spec === undefined) return undefined
    this.#pixels ??= cover(this.#source.picture, spec)
    return { rgb: this.#pixels, spec }
  }

  /** The picture, already of the model's size, as JPEG or WebP: preprocessing it again changes no pixel's place. */
  async encoded(codec: PictureCodec, format: PictureFormat, signal: AbortSignal): Promise<Uint8Array> {
    const { as, blob: known } = this.#encoded ?? {}
    if (known !== undefined && as?.kind === format.kind && as.quality === format.quality) return known
    const blob = await codec.encode(this.#encodable(), format, signal)
    this.#encoded = { as: format, blob }
    return blob
  }

  /** Pixels that are of the model's size already go to the encoder as they are: on a phone every copy counts. */
  #encodable(): Pixels {
    const { spec } = this.#model.input
    if ('picture' in this.#source && spec !== undefined && this.#pixels === undefined) {
      const { width, height, data } = checkedPicture(this.#source.picture, spec)
      if (width === spec.width && height === spec.height) return { width, height, channels: 4, data }
    }
    const pixels = this.pixels()
    if (pixels === undefined) throw new RuntimeError('bad-input', 'no picture to encode')
    return { width: pixels.spec.width, height: pixels.spec.height, channels: 3, data: pixels.rgb }
  }

  #preprocess(): FeatureMap {
    const pixels = this.pixels()
    if (pixels === undefined) throw new RuntimeError('bad-input', 'no picture')
    return { dtype: 'float32', dims: this.#model.input.dims, data: normalise(pixels.rgb, pixels.spec) }
  }
}

const cover = (picture: Picture, spec: InputSpec): Uint8Array =>
  coverPixels(checkedPicture(picture, spec), spec.width, spec.height)

/** @throws RuntimeError `bad-input` */
function checkedPicture(picture: Picture, spec: InputSpec): Picture {
  try {
    checkPicture(picture)
    checkSpec(spec)
    return picture
  } catch (cause) {
    throw cause instanceof PreprocessError ? new RuntimeError('bad-input', cause.message, { cause }) : cause
  }
}

function checked(tensor: FeatureMap, dims: readonly number[]): FeatureMap {
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const same = tensor.dims.length === dims.length && tensor.dims.every((dim, axis) => dim === dims[axis])
  if (!same || tensor.data.length !== elements) {
    throw new RuntimeError('bad-input', `the model takes ${dims.join('x')}, not ${tensor.dims.join('x')}`)
  }
  return tensor
}
