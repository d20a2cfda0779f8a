import { type DeviceProfile, deviceId, type Topology } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { Evaluator } from '../evaluator/evaluator.ts'
import { compileRoom } from '../evaluator/room.ts'
import { rowVolume } from '../partitioners/rows.ts'
import { RoomPredictor } from '../predictor/predictor.ts'
import { vggModel } from './known-nets.ts'
import { isTileable, modelMacs, neededRows, pointAt } from './plannable.ts'

/** METHODS section 4: VGG-16's 13 convolutions in equal strips. */
const TABLE = [
  {
    name: 'every layer alone',
    round: Math.round,
    ends: Array.from({ length: 18 }, (_, i) => i + 1),
    speedup: [2.0, 3.95, 7.58],
    redundant: [0, 0, 0],
    halo: [260, 802, 1913],
  },
  {
    name: 'one per pooling block',
    round: roundHalfEven,
    ends: [3, 6, 10, 14, 18],
    speedup: [1.9, 3.39, 5.64],
    redundant: [4, 12, 28],
    halo: [157, 470, 1082],
  },
  {
    name: 'all fused',
    round: roundHalfEven,
    ends: [18],
    speedup: [1.15, 1.19, 1.35],
    redundant: [60, 170, 377],
    halo: [118, 320, 717],
  },
]

function equalRoom(count: number): Topology {
  const devices = Array.from(
    { length: count },
    (_, i): DeviceProfile => ({
      id: deviceId(`d${i}`),
      name: `d${i}`,
      protocol: 1,
      role: 'worker',
      backends: [{ backend: 'ort-wasm', threads: 1, gmacsPerSecond: 10, overheadMs: 0 }],
      models: [],
      memoryMb: 4096,
      storage: { quotaMb: 1000, writeMbPerSecond: 100, readMbPerSecond: 100 },
      lending: true,
      visible: true,
      load: 0,
    }),
  )
  const links = devices.flatMap((a, i) =>
    devices.slice(i + 1).map((b) => ({ a: a.id, b: b.id, rttMs: 0, mbitPerSecond: 1e9 })),
  )
  return { initiator: deviceId('d0'), devices, links }
}

/**
 * Where a cut falls between two rows the table is not of one mind: its pooling-block line has 14 rows on 4 devices as
 * 4, 3, 3, 4 (halves to the even row), its halo traffic of single layers as 4, 3, 4, 3 (halves up).
 */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded
}

const equalStrips = (rows: number, count: number, round: (value: number) => number) =>
  Array.from({ length: count }, (_, i) => ({
    processor: i,
    start: round((i * rows) / count),
    end: round(((i + 1) * rows) / count),
  }))

describe("METHODS' VGG-16 table", () => {
  const model = vggModel('vgg16', true)

  for (const row of TABLE) {
    for (const [at, count] of [2, 4, 8].entries()) {
      it(`${row.name} on ${count} devices`, () => {
        const topology = equalRoom(count)
        const room = compileRoom(topology, new RoomPredictor(topology))
        const evaluator = new Evaluator(model, room)
        let from = 0
        let exchanged = 0
        let computeMs = 0
        let before: readonly { start: number; end: number }[] = []
        const volumes = row.ends.map((to) => {
          expect(isTileable(model, from, to)).toBe(true)
          const rows = pointAt(model, to).rows
          const shards = equalStrips(rows, count, row.round)
          const strips = before.length > 0 ? before : equalStrips(pointAt(model, from).rows, count, row.round)
          for (const [i, shard] of shards.entries()) {
            const need = neededRows(model, from, to, shard)
            const own = strips[i] as { start: number; end: number }
            const held = Math.max(0, Math.min(need.end, own.end) - Math.max(need.start, own.start))
            exchanged += (need.end - need.start - held) * pointAt(model, from).elementsPerRow
          }
          computeMs += Math.max(...shards.map((s) => evaluator.costs.shardMs(s.processor, from, to, s.start, s.end)))
          const volume = rowVolume(from, to, shards, 0)
          from = to
          before = shards
          return volume
        })
        const whole = evaluator.costs.wholeMs(0, 0, model.points.length - 1)
        const evaluation = evaluator.evaluate({ input: 'tensor', volumes, exits: [], shares: [] })
        expect(whole / computeMs).toBeCloseTo(row.speedup[at] as number, 2)
        expect(Math.round((evaluation.macsRedundant / modelMacs(model)) * 100)).toBe(row.redundant[at])
        expect(Math.abs(exchanged / 1024 - (row.halo[at] as number))).toBeLessThan(1)
        // On links without delay the evaluator's timeline is the computing alone.
        expect(evaluation.fullMs).toBeCloseTo(computeMs, 3)
      })
    }
  }
})
