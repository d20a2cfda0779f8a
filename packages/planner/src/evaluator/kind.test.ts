import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { randomMove } from '../partitioners/moves.ts'
import { placeExits } from '../partitioners/place-exits.ts'
import { Search } from '../partitioners/search.ts'
import { planWith } from '../planning.ts'
import { planCost } from '../policy/plan-cost.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'
import { randomExits, randomRoom, smallCase } from '../testing/random-cases.ts'
import { wholeVolume } from './draft.ts'
import { draftKind, type PlanKind, planKind } from './kind.ts'

/** What a predictor knows, and what was seen of kinds. */
const knowing = (known: LatencyPredictor, kindFactor: (kind: PlanKind) => number): LatencyPredictor => ({
  compute: (device, backend) => known.compute(device, backend),
  link: (from, to) => known.link(from, to),
  codec: (device) => known.codec(device),
  kindFactor,
})

describe('kinds of plans', () => {
  it('are the same for a draft and its plan, wherever it cuts', () => {
    const random = seededRandom(5)
    const kinds = new Set<string>()
    const shapes = new Set<string>()
    for (let run = 0; run < 12; run++) {
      const model = randomExits(random, 4 + random.int(4), 16)
      const { topology, predictor } = randomRoom(random, 2 + random.int(3))
      const search = new Search(model, topology, predictor, { maxAccuracyLoss: 0.03 })
      let draft = placeExits(search, search.single(0), 0.02)
      for (let step = 0; step < 40; step++) {
        draft = randomMove(search, draft, random)
        const kind = draftKind(draft, model.digest, search.room)
        expect(planKind(search.plan(draft, 'random'), topology.initiator)).toEqual(kind)
        kinds.add(kind.id)
        shapes.add(kind.shape)
      }
    }
    expect(kinds.size).toBeGreaterThan(30)
    expect(shapes.size).toBeLessThan(kinds.size)
  })

  it('have the same shape when only the names of helpers differ', () => {
    const { topology, predictor } = randomRoom(seededRandom(3), 4)
    const search = new Search(randomExits(seededRandom(3), 6, 16), topology, predictor, {})
    const through = (...devices: number[]) => {
      const ends = devices.map((_, at) => (at === devices.length - 1 ? search.last : at + 1))
      const volumes = devices.map((device, at) =>
        wholeVolume(at === 0 ? 0 : (ends[at - 1] as number), ends[at] as number, search.mainOf(device)),
      )
      return draftKind({ input: 'jpeg', volumes, exits: [], shares: [] }, search.model.digest, search.room)
    }
    expect(through(0, 1).shape).toBe(through(0, 0, 3).shape)
    expect(through(0, 1).id).not.toBe(through(0, 3).id)
    expect(through(0, 1, 2).shape).toBe(through(0, 3, 1).shape)
    for (const [a, b] of [
      [through(0, 1), through(1, 0)],
      [through(0), through(1)],
      [through(0, 1, 0), through(0, 1, 2)],
    ] as const)
      expect(a.shape).not.toBe(b.shape)
  })

  it('change what is predicted of a whole plan, and not which plan of a kind is best', async () => {
    const random = seededRandom(7)
    for (let index = 0; index < 12; index++) {
      const { model, room, limits } = smallCase(random, 'plain', index)
      const { topology, predictor } = room
      const plain = await planWith('auto', model, topology, predictor, limits)
      const slower = knowing(predictor, () => 1.5)
      const same = await planWith('auto', model, topology, slower, limits)
      if (!plain.ok || !same.ok) throw new Error('no plan')
      expect(same.plan.volumes).toEqual(plain.plan.volumes)
      expect(same.plan.predicted.latencyMs).toBeCloseTo(1.5 * plain.plan.predicted.latencyMs, 6)
      expect(same.plan.predicted.throughputPerSecond).toBe(plain.plan.predicted.throughputPerSecond)
      expect(planCost(same.plan, model, topology, slower)?.ms).toBeCloseTo(same.plan.predicted.latencyMs, 6)
    }
  })

  it('are left for another one when they have taken longer, and by no more than that', async () => {
    const random = seededRandom(9)
    let left = 0
    for (let index = 0; index < 24; index++) {
      const { model, room, limits } = smallCase(random, 'plain', index)
      const { topology, predictor } = room
      const plain = await planWith('auto', model, topology, predictor, limits)
      if (!plain.ok) throw new Error(plain.message)
      const kind = planKind(plain.plan, topology.initiator)
      const seen = knowing(predictor, (other) => (other.id === kind.id ? 3 : 1))
      const now = await planWith('auto', model, topology, seen, limits)
      if (!now.ok) throw new Error(now.message)
      const { latencyMs } = plain.plan.predicted
      expect(now.plan.predicted.latencyMs).toBeGreaterThanOrEqual(latencyMs * (1 - 1e-9))
      expect(now.plan.predicted.latencyMs).toBeLessThanOrEqual(3 * latencyMs * (1 + 1e-9))
      if (planKind(now.plan, topology.initiator).id !== kind.id) left++
    }
    expect(left).toBeGreaterThan(12)
  })
})
