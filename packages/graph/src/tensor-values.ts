import type { DataType } from './data-type.ts'
import type { Initialiser } from './model-graph.ts'

/** Constants above this many elements are weights or tables: never folded. */
export const MAX_FOLDED_ELEMENTS = 4096
/** Floats above this many are weights, not scales or bounds. */
const MAX_FOLDED_FLOATS = 64

/** The elements of a small constant as numbers; undefined for large ones, absent data and types without numbers. */
export function smallValue(t: Initialiser, elements: number): readonly number[] | undefined {
  const limit = t.dtype === 'int64' || t.dtype === 'int32' ? MAX_FOLDED_ELEMENTS : MAX_FOLDED_FLOATS
  if (t.data === undefined || elements > limit) return undefined
  const read = READERS[t.dtype]
  if (read === undefined) return undefined
  const view = new DataView(t.data.buffer, t.data.byteOffset, t.data.byteLength)
  const size = elements === 0 ? 0 : t.data.byteLength / elements
  return Array.from({ length: elements }, (_, i) => read(view, i * size))
}

const READERS: Partial<Record<DataType, (view: DataView, at: number) => number>> = {
  float32: (v, at) => v.getFloat32(at, true),
  float64: (v, at) => v.getFloat64(at, true),
  int64: (v, at) => Number(v.getBigInt64(at, true)),
  uint64: (v, at) => Number(v.getBigUint64(at, true)),
  int32: (v, at) => v.getInt32(at, true),
  uint32: (v, at) => v.getUint32(at, true),
  int16: (v, at) => v.getInt16(at, true),
  uint16: (v, at) => v.getUint16(at, true),
  int8: (v, at) => v.getInt8(at),
  uint8: (v, at) => v.getUint8(at),
  bool: (v, at) => (v.getUint8(at) === 0 ? 0 : 1),
}

/** Folded numbers as an initialiser; undefined for types that are not folded. */
export function initialiserOf(
  name: string,
  dtype: DataType,
  dims: readonly number[],
  values: readonly number[],
): Initialiser | undefined {
  const write = WRITERS[dtype]
  if (write === undefined) return undefined
  const [size, set] = write
  const data = new Uint8Array(values.length * size)
  const view = new DataView(data.buffer)
  for (const [i, value] of values.entries()) set(view, i * size, value)
  return { name, dtype, dims, data }
}

const WRITERS: Partial<Record<DataType, [number, (view: DataView, at: number, value: number) => void]>> = {
  float32: [4, (v, at, x) => v.setFloat32(at, x, true)],
  float64: [8, (v, at, x) => v.setFloat64(at, x, true)],
  int64: [8, (v, at, x) => v.setBigInt64(at, x >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(Math.trunc(x)), true)],
  int32: [4, (v, at, x) => v.setInt32(at, x, true)],
  uint8: [1, (v, at, x) => v.setUint8(at, x)],
  int8: [1, (v, at, x) => v.setInt8(at, x)],
  bool: [1, (v, at, x) => v.setUint8(at, x === 0 ? 0 : 1)],
}

/** These whole numbers as packed int64; beyond 2^63 clamped. */
export function int64Bytes(values: readonly number[]): Uint8Array {
  return initialiserOf('', 'int64', [values.length], values)?.data ?? new Uint8Array(0)
}
