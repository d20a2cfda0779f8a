import { checkPlan, type Random, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { type ChainLayer, chainModel } from '../model/chain.ts'
import { type PlannableModel, pointIndex } from '../model/plannable.ts'
import { planWith, planWithAll } from '../planning.ts'
import { type RoomFile, readRoom } from '../room-file.ts'
import type { PlanningLimits } from './limits.ts'
import type { PartitionResult, Planned } from './method.ts'

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)] as T

/** A random chain, with an exit in half of the cases. */
function oddModel(random: Random, name: string): PlannableModel {
  const size = pick(random, [8, 16, 32])
  const cuts = 2 + random.int(6)
  const layers: ChainLayer[] = []
  for (let side = size, i = 0; i < cuts; i++) {
    if (side >= 4 && random.next() < 0.25) {
      layers.push({ kind: 'pool', kernel: 2 })
      side >>= 1
    } else layers.push({ kind: 'conv', channels: 4 + random.int(60), kernel: pick(random, [1, 3, 5]) })
  }
  layers.push({ kind: 'dense', units: 10 })
  const exits = random.next() < 0.5 ? [{ after: 1 + random.int(cuts - 1), macs: 1e4 }] : []
  const settings = [
    { thresholds: [0.9], shares: [0.5, 0.5], accuracyLoss: 0.002 },
    { thresholds: [0.5], shares: [0.8, 0.2], accuracyLoss: 0.03 },
  ]
  const jpegBytes = 300 + random.int(3000)
  const found = exits.length > 0 ? settings : []
  return chainModel({ name, input: [3, size, size], layers, jpegBytes, exits, settings: found })
}

/** Hidden and full devices, hardly any memory, links that are absent. */
function oddRoom(random: Random): RoomFile {
  const devices = Array.from({ length: 1 + random.int(6) }, (_, i) => ({
    id: `d${i}`,
    gmacsPerSecond: 0.02 * 100 ** random.next(),
    overheadMs: random.next(),
    memoryMb: pick(random, [0.001, 0.02, 1, 1000, 1000, 1000]),
    rowStep: 1 + random.int(4),
    load: pick(random, [0, 0, 0, 0.5, 1]),
    lending: random.next() < 0.9,
    visible: random.next() < 0.9,
  }))
  const links = devices.flatMap((a, i) =>
    devices.slice(i + 1).flatMap((b) => {
      if (random.next() < 0.2) return []
      return [{ a: a.id, b: b.id, mbitPerSecond: 300 ** random.next(), rttMs: random.next() * 30 }]
    }),
  )
  return readRoom({ initiator: 'd0', devices, links })
}

function oddLimits(random: Random): PlanningLimits {
  const sometimes = <T extends object>(make: () => T): T | object => (random.next() < 0.2 ? make() : {})
  return {
    objective: pick(random, ['latency', 'throughput']),
    maxAccuracyLoss: pick(random, [0, 0.01, 0.05]),
    privacy: pick(random, ['none', 'none', 'raw-stays-local']),
    episodes: 1,
    ...sometimes(() => ({ deadlineMs: 5 + random.next() * 200 })),
    ...sometimes(() => ({ cache: { hitRate: random.next(), hitMs: 1 } })),
    ...sometimes(() => ({ wire: { bits: pick(random, [32, 8, 4] as const), entropy: 'none' } })),
  }
}

function expectKept({ plan, evaluation }: Planned, model: PlannableModel, limits: PlanningLimits): void {
  checkPlan(JSON.parse(JSON.stringify(plan)))
  for (const value of Object.values(plan.predicted)) expect(Number.isFinite(value)).toBe(true)
  expect(evaluation.accuracyLoss).toBeLessThanOrEqual((limits.maxAccuracyLoss ?? 0) + 1e-9)
  if (limits.deadlineMs !== undefined) expect(plan.predicted.fullMs).toBeLessThanOrEqual(limits.deadlineMs)
  if (limits.privacy === 'raw-stays-local') {
    expect(plan.volumes[0]?.shards.map(({ device }) => device)).toEqual(['d0'])
    expect(pointIndex(model, plan.volumes[0]?.to ?? '')).toBeGreaterThan(0)
  }
}

const cost = ({ plan }: Planned, { objective }: PlanningLimits): number =>
  objective === 'throughput' ? 1000 / plan.predicted.throughputPerSecond : plan.predicted.latencyMs

const soundRefusal = (result: PartitionResult): boolean =>
  result.ok || (result.reason.length > 0 && result.message.length > 8)

describe('odd rooms and limits', () => {
  it('every method keeps the limits or says why it has no plan, and none beats auto by more than 1 %', async () => {
    const random = seededRandom(31)
    for (let i = 0; i < 14; i++) {
      const model = oddModel(random, `odd${i}`)
      const room = oddRoom(random)
      const limits = oddLimits(random)
      const all = await planWithAll(model, room.topology, room.predictor, limits)
      const alone = await planWith('auto', model, room.topology, room.predictor, limits)
      for (const { method, result } of all) {
        expect(soundRefusal(result), `${method} in case ${i}`).toBe(true)
        if (!result.ok) continue
        expectKept(result, model, limits)
        for (const ours of [alone, all.find((one) => one.method === 'auto')?.result]) {
          if (ours?.ok !== true) throw new Error(`case ${i}: auto has no plan where ${method} has one`)
          expect(cost(ours, limits), `${method} in case ${i}`).toBeLessThanOrEqual(cost(result, limits) * 1.01)
        }
      }
    }
  })
})
