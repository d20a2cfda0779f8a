import { coverPixels } from './cover.ts'
import { checkPicture, checkSpec, type InputSpec, type Picture } from './input-spec.ts'

/** ITU-R 601-2 luma with 16 fractional bits, as Pillow's `convert("L")`. */
function luma(r: number, g: number, b: number): number {
  return (r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16
}

/**
 * A picture as a model's input: float32, one picture of `[3, height, width]` (`L`: `[1, height, width]`), values
 * `(x / 255 - mean) / std`. Pure and synchronous: the same bytes give the same tensor in Node and in every browser, so its
 * digest can be the key of the room's cache.
 * @throws PreprocessError when picture or spec are malformed
 */
export function preprocess(picture: Picture, spec: InputSpec): Float32Array<ArrayBuffer> {
  checkPicture(picture)
  checkSpec(spec)
  return normalise(coverPixels(picture, spec.width, spec.height), spec)
}

/** The second half of `preprocess`: RGB pixels of the spec's size, as `coverPixels` gives them, to the model's input. */
export function normalise(rgb: Uint8Array, spec: InputSpec): Float32Array<ArrayBuffer> {
  return spec.channels === 'L' ? grey(rgb, spec) : planes(rgb, spec)
}

/** Value of each of the 256 pixel levels in one channel. */
function levels(mean: number, std: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, x) => (x / 255 - mean) / std)
}

function planes(rgb: Uint8Array, spec: InputSpec): Float32Array<ArrayBuffer> {
  const size = spec.width * spec.height
  const out = new Float32Array(3 * size)
  for (let c = 0; c < 3; c++) {
    const table = levels(spec.mean[c] as number, spec.std[c] as number)
    const source = spec.channels === 'BGR' ? 2 - c : c
    for (let i = 0; i < size; i++) out[c * size + i] = table[rgb[i * 3 + source] as number] as number
  }
  return out
}

function grey(rgb: Uint8Array, spec: InputSpec): Float32Array<ArrayBuffer> {
  const table = levels(spec.mean[0] as number, spec.std[0] as number)
  const out = new Float32Array(spec.width * spec.height)
  for (let i = 0; i < out.length; i++) {
    const level = luma(rgb[i * 3] as number, rgb[i * 3 + 1] as number, rgb[i * 3 + 2] as number)
    out[i] = table[level] as number
  }
  return out
}
