import type { TensorName } from '@roomful/core'

/** Element types that cross a stage boundary. float16 is held as raw bits in a Uint16Array. */
export type DType = 'float32' | 'float16' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool'

export interface DTypeData {
  float32: Float32Array
  float16: Uint16Array
  uint8: Uint8Array
  int8: Int8Array
  int32: Int32Array
  int64: BigInt64Array
  bool: Uint8Array
}

/** An activation: row-major `data` of shape `dims` (NCHW for pictures; rows are dimension 2). */
export interface FeatureMap<T extends DType = DType> {
  readonly dtype: T
  readonly dims: readonly number[]
  readonly data: DTypeData[T]
}

/** The named inputs or outputs of a stage. */
export type FeatureMaps = Readonly<Record<TensorName, FeatureMap>>

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}
