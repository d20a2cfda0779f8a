/** Element types of ONNX tensors by their number in TensorProto.DataType; ONNX IR specification. */
const NAMES = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
] as const

export type DataType = (typeof NAMES)[number]

const BITS: Readonly<Record<DataType, number>> = {
  undefined: 0,
  float32: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  string: 0,
  bool: 8,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
}

/** The type of that number, or undefined for numbers that ONNX does not define. */
export const dataTypeOf = (number: number): DataType | undefined => NAMES[number]

export const dataTypeNumber = (type: DataType): number => NAMES.indexOf(type)

/** Bytes of `elements` packed elements; 0 for strings, whose length is not in their type. */
export const byteLength = (type: DataType, elements: number): number => Math.ceil((elements * BITS[type]) / 8)

export const isFloat = (type: DataType): boolean => type.startsWith('float') || type === 'bfloat16'

/** Types that hold sizes, indices and flags, never weights. */
export const isIndexType = (type: DataType): boolean => type === 'int64' || type === 'bool' || type === 'string'
