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

const ALLOCATE: { readonly [T in DType]: (length: number) => DTypeData[T] } = {
  float32: (n) => new Float32Array(n),
  float16: (n) => new Uint16Array(n),
  uint8: (n) => new Uint8Array(n),
  int8: (n) => new Int8Array(n),
  int32: (n) => new Int32Array(n),
  int64: (n) => new BigInt64Array(n),
  bool: (n) => new Uint8Array(n),
}

/** A zeroed array for `length` elements. */
export function allocate<T extends DType>(dtype: T, length: number): DTypeData[T] {
  return ALLOCATE[dtype](length)
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
