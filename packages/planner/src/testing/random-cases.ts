import type { Random } from '@roomful/core'
import { type ChainLayer, chainModel } from '../model/chain.ts'
import type { PlannableModel } from '../model/plannable.ts'
import { type RoomFile, readRoom } from '../room-file.ts'

/** A random chain: convolutions and poolings, now and then a dense layer in front of the end. */
export function randomChain(random: Random, cuts: number, size = 16): PlannableModel {
  const layers: ChainLayer[] = []
  let side = size
  for (let i = 0; i < cuts; i++) {
    const pool = side >= 4 && random.next() < 0.25
    if (pool) {
      layers.push({ kind: 'pool', kernel: 2 })
      side >>= 1
    } else layers.push({ kind: 'conv', channels: 4 + random.int(60), kernel: random.next() < 0.3 ? 1 : 3 })
  }
  layers.push({ kind: 'dense', units: 10 })
  return chainModel({ name: `chain${cuts}`, input: [3, size, size], layers, jpegBytes: 400 + random.int(3000) })
}

/** A random chain that cannot be split by rows: dense layers. */
export function randomDense(random: Random, cuts: number): PlannableModel {
  const layers = Array.from({ length: cuts }, (): ChainLayer => ({ kind: 'dense', units: 20 + random.int(1500) }))
  return chainModel({ name: `dense${cuts}`, input: [3, 8, 8], layers, jpegBytes: 400 })
}

/** A random room: the first device initiates, all are linked. */
export function randomRoom(random: Random, count: number): RoomFile {
  const devices = Array.from({ length: count }, (_, i) => ({
    id: `d${i}`,
    gmacsPerSecond: 0.02 * 40 ** random.next(),
    overheadMs: random.next(),
    memoryMb: 1000,
    rowStep: 1 + random.int(3),
  }))
  const links = devices.flatMap((a, i) =>
    devices.slice(i + 1).map((b) => ({
      a: a.id,
      b: b.id,
      mbitPerSecond: 5 * 60 ** random.next(),
      rttMs: 1 + random.next() * 20,
    })),
  )
  return readRoom({ initiator: 'd0', devices, links })
}

/** Cases as large as `exhaustive` can take, by turns: many devices with few cuts, or few devices with many; `size` 0: `randomDense`. */
export const SMALL_SHAPES = [
  { devices: 4, cuts: 10, size: 0 },
  { devices: 3, cuts: 10, size: 0 },
  { devices: 2, cuts: 5, size: 8 },
  { devices: 3, cuts: 3, size: 8 },
  { devices: 2, cuts: 9, size: 0 },
] as const
