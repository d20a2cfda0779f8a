import { planWith, readRoom, vggModel } from '@roomful/planner'
import { steadyRate } from './play.ts'

/** Speed-ups that EdgeLD's authors report for VGG-16 on 2, 3 and 4 equal nodes. */
export const REPORTED = { edgeld: [1.77, 2.79, 3.57], modnn: [1.53, 1.67, 2.03] } as const
const COUNTS = [2, 3, 4] as const
const METHODS = ['edgeld', 'modnn', 'auto'] as const
const NODE = { gmacsPerSecond: 5, overheadMs: 0.2 }

export interface EqualNodes {
  readonly method: (typeof METHODS)[number]
  readonly mbitPerSecond: number
  /** Simulated speed-up over one node, on 2, 3 and 4 nodes. */
  readonly speedups: readonly number[]
}

/** VGG-16's convolutions in float32 on equal nodes of 5 GMAC/s at 1 ms of round trip. */
export async function equalNodes(rates: readonly number[]): Promise<EqualNodes[]> {
  const model = vggModel('vgg16', true)
  const limits = { exits: false, maxAccuracyLoss: 0, wire: { bits: 32, entropy: 'none' } } as const
  const out: EqualNodes[] = []
  for (const mbitPerSecond of rates) {
    for (const method of METHODS) {
      const speedups: number[] = []
      for (const count of COUNTS) {
        const devices = Array.from({ length: count }, (_, i) => ({ id: `d${i}`, memoryMb: 8192, ...NODE }))
        const links = devices.flatMap((a, i) =>
          devices.slice(i + 1).map((b) => ({ a: a.id, b: b.id, mbitPerSecond, rttMs: 1 })),
        )
        const room = { initiator: 'd0', devices, links, limits }
        const { topology, predictor } = readRoom(room)
        const alone = await planWith('local', model, topology, predictor, limits)
        const split = await planWith(method, model, topology, predictor, limits)
        if (!alone.ok || !split.ok) continue
        speedups.push((await steadyRate(model, room, split.plan)) / (await steadyRate(model, room, alone.plan)))
      }
      out.push({ method, mbitPerSecond, speedups })
    }
  }
  return out
}
