import { ReasonedError } from '@roomful/core'

/** RGBA, 8 bits a channel, row by row from the top left: what a canvas's `getImageData` and picture decoders give. */
export interface Picture {
  readonly width: number
  readonly height: number
  /** `width * height * 4` bytes. Alpha is ignored: the colour counts as it is stored. */
  readonly data: Uint8ClampedArray | Uint8Array
}

/** How a picture becomes a model's input tensor `[1, 3, height, width]`. */
export interface InputSpec {
  /** Pixels of the input tensor. */
  readonly width: number
  readonly height: number
  /** Per channel on the 0..1 scale, in the order of `channels`. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** `cover`: scale until the picture just covers width x height, then take the centre. */
  readonly resize: 'cover'
  readonly channels: 'RGB' | 'BGR' | 'L'
}

/** `bad-picture`: sizes and bytes disagree or are out of bounds; `bad-spec`: the input spec cannot be followed. */
export class PreprocessError extends ReasonedError<'bad-picture' | 'bad-spec'> {
  override readonly name = 'PreprocessError'
}

/** Longest side of a picture that is accepted, in pixels: bounds the memory that a crafted file can claim. */
export const MAX_SIDE = 16_384

/** @throws PreprocessError `bad-picture` */
export function checkPicture(picture: Picture): void {
  const { width, height, data } = picture
  const side = (n: number) => Number.isInteger(n) && n >= 1 && n <= MAX_SIDE
  if (!side(width) || !side(height)) {
    throw new PreprocessError('bad-picture', `a picture of ${width}x${height} pixels: sides must be 1 to ${MAX_SIDE}`)
  }
  if (data.length !== width * height * 4) {
    throw new PreprocessError(
      'bad-picture',
      `${width}x${height} RGBA pixels need ${width * height * 4} bytes, not ${data.length}`,
    )
  }
}

/** @throws PreprocessError `bad-spec` */
export function checkSpec(spec: InputSpec): void {
  const channels = spec.channels === 'L' ? 1 : 3
  const side = (n: number) => Number.isInteger(n) && n >= 1 && n <= 4096
  if (!side(spec.width) || !side(spec.height)) {
    throw new PreprocessError('bad-spec', `input of ${spec.width}x${spec.height}: sides must be 1 to 4096`)
  }
  if (spec.mean.length !== channels || spec.std.length !== channels) {
    throw new PreprocessError('bad-spec', `${spec.channels} needs ${channels} means and standard deviations`)
  }
  if (spec.std.some((s) => !(s > 0)) || spec.mean.some((m) => !Number.isFinite(m))) {
    throw new PreprocessError('bad-spec', 'standard deviations must be positive and means finite')
  }
}
