/**
 * The taps of a one-dimensional antialiased bilinear ("triangle") filter, as Pillow computes them (`Resample.c`,
 * `precompute_coeffs` and `normalize_coeffs_8bpc`): the triangle is widened by the scale when shrinking, the taps of one
 * output sum to 1 and are rounded to 22 fractional bits. Training reads pictures through Pillow; equal taps and equal
 * rounding make the page and the command line see the very same pixels.
 */
export interface Taps {
  /** First input sample of each output. */
  readonly first: Int32Array
  /** Number of input samples of each output, at most `stride`. */
  readonly count: Int32Array
  /** Fixed-point weights; those of output `i` start at `i * stride`. */
  readonly weights: Int32Array
  readonly stride: number
}

/** Fractional bits of a weight: 32 less 8 of a pixel and 2 of head room. */
export const PRECISION_BITS = 22

/**
 * Taps of outputs `[from, to)` out of `outSize`, for an input of `inSize` samples.
 */
export function triangleTaps(inSize: number, outSize: number, from: number, to: number): Taps {
  const scale = inSize / outSize
  const filterScale = Math.max(1, scale)
  const stride = Math.ceil(filterScale) * 2 + 1
  const outputs = to - from
  const taps: Taps = {
    first: new Int32Array(outputs),
    count: new Int32Array(outputs),
    weights: new Int32Array(outputs * stride),
    stride,
  }
  const raw = new Float64Array(stride)
  for (let i = 0; i < outputs; i++) {
    const center = (from + i + 0.5) * scale
    const first = Math.max(0, Math.trunc(center - filterScale + 0.5))
    const end = Math.min(inSize, Math.trunc(center + filterScale + 0.5))
    let sum = 0
    for (let x = first; x < end; x++) {
      const weight = Math.max(0, 1 - Math.abs((x - center + 0.5) / filterScale))
      raw[x - first] = weight
      sum += weight
    }
    taps.first[i] = first
    taps.count[i] = end - first
    for (let k = 0; k < end - first; k++) {
      taps.weights[i * stride + k] = Math.trunc(0.5 + ((raw[k] as number) / sum) * (1 << PRECISION_BITS))
    }
  }
  return taps
}
