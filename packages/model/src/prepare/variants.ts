import type { PartitionPoint } from '@roomful/graph'
import { encodedBytes } from '@roomful/tensor'
import type { WireVariant } from '../manifest/schema.ts'

/** The wire formats that need no training, by bits per element. */
const PLAIN = [
  ['float32', 32],
  ['float16', 16],
  ['int8', 8],
  ['int4', 4],
] as const

/**
 * The plain wire variants of a partition point with the bytes of the encoded map before entropy coding. Tensors that are
 * not float32 travel only as they are and have no variant.
 */
export function plainVariants(point: PartitionPoint): WireVariant[] {
  if (point.dtype !== 'float32') return []
  return PLAIN.map(([name, bits]) => ({ name, bits, bytes: encodedBytes('float32', point.shape, bits) }))
}
