import { checkFeatureMap } from './dtype.ts'
import { TensorError } from './error.ts'
import type { FeatureMap } from './feature-map.ts'
import { fromHalf } from './half.ts'

/**
 * The key of the similarity cache: the map average-pooled onto a `grid` x `grid` raster per channel, less its own mean,
 * scaled to length 1, so that the dot product of two descriptors is their cosine similarity. A map of `[1, C, H, W]`
 * gives `C * g * g` values with g = min(grid, H, W); a constant map gives zeros.
 * @throws TensorError `dtype` for integers, `shape` for other than one sample of rank 4, `not-finite`
 */
export function describeFeature(map: FeatureMap, grid = 2): Float32Array<ArrayBuffer> {
  checkFeatureMap(map)
  if (map.dtype !== 'float32' && map.dtype !== 'float16') {
    throw new TensorError('dtype', `a descriptor needs floats, not ${map.dtype}`)
  }
  const [samples, channels = 0, height = 0, width = 0] = map.dims
  if (map.dims.length !== 4 || samples !== 1 || channels * height * width === 0 || !(grid >= 1)) {
    throw new TensorError('shape', `a descriptor needs one sample [1, C, H, W], not [${map.dims}]`)
  }
  const data = map.dtype === 'float32' ? (map.data as Float32Array) : fromHalf(map.data as Uint16Array)
  const side = Math.min(Math.floor(grid), height, width)
  const out = new Float32Array(channels * side * side)
  let at = 0
  for (let channel = 0; channel < channels; channel++) {
    for (let gy = 0; gy < side; gy++) {
      const top = Math.floor((gy * height) / side)
      const bottom = Math.floor(((gy + 1) * height) / side)
      for (let gx = 0; gx < side; gx++) {
        const left = Math.floor((gx * width) / side)
        const right = Math.floor(((gx + 1) * width) / side)
        let sum = 0
        for (let y = top; y < bottom; y++) {
          const row = (channel * height + y) * width
          for (let x = left; x < right; x++) sum += data[row + x] as number
        }
        out[at++] = sum / ((bottom - top) * (right - left))
      }
    }
  }
  return normalise(out)
}

function normalise(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  let mean = 0
  for (const value of values) mean += value / values.length
  let squares = 0
  for (let i = 0; i < values.length; i++) {
    const centred = (values[i] as number) - mean
    values[i] = centred
    squares += centred * centred
  }
  if (!Number.isFinite(squares)) throw new TensorError('not-finite', 'a descriptor of a map with NaN or infinity')
  const scale = squares > 1e-20 ? 1 / Math.sqrt(squares) : 0
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * scale
  return values
}
