import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { randomMove } from '../partitioners/moves.ts'
import { placeExits } from '../partitioners/place-exits.ts'
import { Search } from '../partitioners/search.ts'
import { planWith } from '../planning.ts'
import { planCost } from '../policy/plan-cost.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'
import { randomExits, randomRoom, smallCase } from '../testing/random-cases.ts'
import { draftKind, planKind } from './kind.ts'

/** What a predictor knows, and what was seen of kinds. */
const knowing = (known: LatencyPredictor, kindFactor: (kind: string) => number): LatencyPredictor => ({
  compute: (device, backend) => known.compute(device, backend),
  link: (from, to) => known.link(from, to),
  codec: (device) => known.codec(device),
  kindFactor,
})

describe('kinds of plans', () => {
  it('are the same for a draft and its plan, wherever it cuts', () => {
    const random = seededRandom(5)
    const kinds = new Set<string>()
    for (let run = 0; run < 12; run++) {
      const model = randomExits(random, 4 + random.int(4), 16)
      const { topology, predictor } = randomRoom(random, 2 + random.int(3))
      const search = new Search(model, topology, predictor, { maxAccuracyLoss: 0.03 })
      let draft = placeExits(search, search.single(0), 0.02)
      for (let step = 0; step < 40; step++) {
        draft = randomMove(search, draft, random)
        const kind = draftKind(draft, search.room)
        expect(planKind(search.plan(draft, 'random'), topology.initiator)).toBe(kind)
        kinds.add(kind)
      }
    }
    expect(kinds.size).toBeGreaterThan(30)
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
      const seen = knowing(predictor, (other) => (other === kind ? 3 : 1))
      const now = await planWith('auto', model, topology, seen, limits)
      if (!now.ok) throw new Error(now.message)
      const { latencyMs } = plain.plan.predicted
      expect(now.plan.predicted.latencyMs).toBeGreaterThanOrEqual(latencyMs * (1 - 1e-9))
      expect(now.plan.predicted.latencyMs).toBeLessThanOrEqual(3 * latencyMs * (1 + 1e-9))
      if (planKind(now.plan, topology.initiator) !== kind) left++
    }
    expect(left).toBeGreaterThan(12)
  })
})
