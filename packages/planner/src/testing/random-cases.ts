import type { Random } from '@roomful/core'
import { type ChainLayer, chainModel } from '../model/chain.ts'
import { type ExitSetting, modelMacs, type PlannableExit, type PlannableModel } from '../model/plannable.ts'
import type { PlanningLimits } from '../partitioners/limits.ts'
import { addFeatures, emptyWork } from '../predictor/work.ts'
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

/** A random chain with two exits, each of which a tenth of the requests leaves at, or more at more loss. */
export function randomExits(random: Random, cuts: number, size = 16): PlannableModel {
  const chain = randomChain(random, cuts, size)
  const work = modelMacs(chain)
  const first = 1 + random.int(Math.max(1, cuts - 2))
  const second = Math.min(cuts, first + 1 + random.int(Math.max(1, cuts - first)))
  const exits = [...new Set([first, second])].map((point, at): PlannableExit => {
    const macs = Math.round(work * random.next() * 0.3)
    const outputBytes = 40
    return {
      name: `exit${at + 1}`,
      point,
      macs,
      outputBytes,
      threshold: 0.8,
      work: addFeatures(emptyWork(), 'dense', [macs]),
    }
  })
  const settings = [0.1, 0.25, 0.4].map((share, at): ExitSetting => {
    const shares = exits.map(() => share)
    return {
      thresholds: exits.map(() => 0.9 - at / 10),
      shares: [...shares, 1 - share * exits.length],
      accuracyLoss: [0.001, 0.004, 0.012][at] ?? 0,
    }
  })
  return { ...chain, exits, settings }
}

/** Cases as large as `exhaustive` can take, by turns: many devices with few cuts, or few devices with many; `size` 0: `randomDense`. */
export const SMALL_SHAPES = [
  { devices: 4, cuts: 10, size: 0 },
  { devices: 3, cuts: 10, size: 0 },
  { devices: 2, cuts: 5, size: 8 },
  { devices: 3, cuts: 3, size: 8 },
  { devices: 2, cuts: 9, size: 0 },
] as const

/** Nets that can be split by rows at more cuts than above: fewer rows leave fewer ways to deal them out. */
const ROW_SHAPES = [
  { devices: 2, cuts: 7, size: 4 },
  { devices: 3, cuts: 4, size: 4 },
  { devices: 4, cuts: 3, size: 4 },
  { devices: 2, cuts: 4, size: 16 },
] as const

export interface SmallCase {
  readonly family: SmallFamily
  readonly model: PlannableModel
  readonly room: RoomFile
  readonly limits: PlanningLimits
}

/**
 * `plain`: latency in 8 bits. `exits`: models with exits, which `exhaustive` leaves out, for either objective. `free`: every wire
 * format, loss, privacy and objective. `rows`: nets with rows at many cuts, in 8 bits, for either objective.
 */
export const SMALL_FAMILIES = ['plain', 'exits', 'free', 'rows'] as const
export type SmallFamily = (typeof SMALL_FAMILIES)[number]

/** The `index`-th random small case of a family. */
export function smallCase(random: Random, family: SmallFamily, index: number): SmallCase {
  const wire = { bits: 8, entropy: 'none' } as const
  const either = () => (random.next() < 0.6 ? 'latency' : 'throughput')
  const pick = <T>(items: readonly T[]): T => items[random.int(items.length)] as T
  switch (family) {
    case 'plain': {
      const { devices, cuts, size } = SMALL_SHAPES[index % SMALL_SHAPES.length] as (typeof SMALL_SHAPES)[number]
      const model = size === 0 ? randomDense(random, cuts) : randomChain(random, cuts, size)
      return { family, model, room: randomRoom(random, devices), limits: { wire } }
    }
    case 'exits': {
      const model = randomExits(random, 2 + random.int(3), 8)
      return { family, model, room: randomRoom(random, 2 + random.int(2)), limits: { objective: either() } }
    }
    case 'free': {
      const model =
        random.next() < 0.5 ? randomChain(random, 2 + random.int(3), 8) : randomDense(random, 2 + random.int(4))
      const limits = {
        objective: either(),
        maxAccuracyLoss: pick([0, 0.01, 0.05]),
        privacy: pick(['none', 'none', 'raw-stays-local'] as const),
      } as const
      return { family, model, room: randomRoom(random, 2 + random.int(2)), limits }
    }
    case 'rows': {
      const { devices, cuts, size } = ROW_SHAPES[index % ROW_SHAPES.length] as (typeof ROW_SHAPES)[number]
      const model = randomChain(random, cuts, size)
      return { family, model, room: randomRoom(random, devices), limits: { objective: either(), wire } }
    }
  }
}
