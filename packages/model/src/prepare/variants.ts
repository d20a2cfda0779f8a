import type { PartitionPoint } from '@roomful/graph'
import type { WireVariant } from '../manifest/schema.ts'

/** The wire formats that need no training, by bits per element. */
const PLAIN = [
  ['float32', 32],
  ['float16', 16],
  ['int8', 8],
  ['int4', 4],
] as const

/**
 * The plain wire variants of a partition point. `bytes` is the payload without frame header: packed elements, and for int8
 * and int4 a scale and a zero point (float32 each) per channel. Tensors that are not float32 travel only as they are and
 * have no variant.
 */
export function plainVariants(point: PartitionPoint): WireVariant[] {
  if (point.dtype !== 'float32') return []
  const elements = point.shape.reduce((product, dim) => product * dim, 1)
  const channels = point.shape.length > 1 ? (point.shape[1] ?? 1) : 1
  return PLAIN.map(([name, bits]) => ({
    name,
    bits,
    bytes: Math.ceil((elements * bits) / 8) + (bits <= 8 ? channels * 8 : 0),
  }))
}
