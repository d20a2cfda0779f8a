import { TensorError } from './error.ts'
import { type DType, type DTypeData, elementCount, type FeatureMap } from './feature-map.ts'

/** Bytes of one element. */
export const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
}

const ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const

/** A zeroed array for `length` elements. */
export function allocate<T extends DType>(dtype: T, length: number): DTypeData[T] {
  return new ARRAYS[dtype](length) as DTypeData[T]
}

/** A buffer of whole elements as such an array, not copied. */
export function viewOf<T extends DType>(dtype: T, buffer: ArrayBufferLike): DTypeData[T] {
  const View = ARRAYS[dtype] as new (buffer: ArrayBufferLike) => ArrayBufferView
  return new View(buffer) as DTypeData[T]
}

/** The bytes of a typed array, not copied. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** @throws TensorError `shape` when dims are not counts or the data has another length than dims say */
export function checkFeatureMap(map: FeatureMap): void {
  if (map.dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) {
    throw new TensorError('shape', `a feature map of dims [${map.dims}]: every dim must be a whole number >= 0`)
  }
  const count = elementCount(map.dims)
  if (map.data.length !== count) {
    throw new TensorError('shape', `dims [${map.dims}] need ${count} elements, not ${map.data.length}`)
  }
}
