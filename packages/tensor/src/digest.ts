import { bytesOf, checkFeatureMap } from './dtype.ts'
import { TensorError } from './error.ts'
import type { FeatureMap } from './feature-map.ts'
import type { InputSpec } from './preprocess/input-spec.ts'

/**
 * The exact cache key of a preprocessed picture: hex SHA-256 over its dims and its pixels at picture precision (the 256
 * levels they had before mean and standard deviation), so that a rounding difference in the last float bit between two
 * devices does not turn an equal picture into a miss. Needs a secure context (WebCrypto).
 * @throws TensorError `shape` or `dtype` when the tensor is not one of `spec`
 */
export async function digestInput(map: FeatureMap, spec: Pick<InputSpec, 'mean' | 'std'>): Promise<string> {
  checkFeatureMap(map)
  if (map.dtype !== 'float32') throw new TensorError('dtype', `an input digest needs float32, not ${map.dtype}`)
  const channels = map.dims[1]
  if (map.dims.length !== 4 || channels !== spec.mean.length || channels !== spec.std.length) {
    throw new TensorError('shape', `dims [${map.dims}] and ${spec.mean.length} channel means do not fit`)
  }
  const dims = Uint32Array.from(map.dims)
  const out = new Uint8Array(dims.byteLength + map.data.length)
  out.set(bytesOf(dims))
  toLevels(map.data as Float32Array, map.dims, spec, out.subarray(dims.byteLength))
  return sha256Hex(out)
}

/**
 * What the exact cache key of a picture is the digest of: how the model takes pictures, and the RGB pixels of one that is already
 * of its size. Two devices that are shown the same picture have the same key without its tensor; another order of channels, mean
 * or deviation makes another tensor of the same pixels.
 */
export function pixelBytes(rgb: Uint8Array, spec: InputSpec): Uint8Array<ArrayBuffer> {
  const { width, height, mean, std, resize, channels } = spec
  const head = new TextEncoder().encode(JSON.stringify([width, height, mean, std, resize, channels]))
  const out = new Uint8Array(head.length + rgb.length)
  out.set(head)
  out.set(rgb, head.length)
  return out
}

/** Hex SHA-256 of any bytes. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  let hex = ''
  for (const byte of digest) hex += byte.toString(16).padStart(2, '0')
  return hex
}

function toLevels(
  data: Float32Array,
  dims: readonly number[],
  spec: Pick<InputSpec, 'mean' | 'std'>,
  out: Uint8Array,
): void {
  const [samples = 0, channels = 0, height = 0, width = 0] = dims
  const size = height * width
  for (let plane = 0; plane < samples * channels; plane++) {
    const scale = (spec.std[plane % channels] as number) * 255
    const bias = (spec.mean[plane % channels] as number) * 255 + 0.5
    const end = (plane + 1) * size
    for (let i = plane * size; i < end; i++) {
      const level = ((data[i] as number) * scale + bias) | 0
      out[i] = Math.max(0, Math.min(255, level))
    }
  }
}
