import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { randomChain, randomDense, randomRoom } from '../testing/random-cases.ts'
import { auto } from './auto.ts'
import { exhaustive } from './exhaustive.ts'
import { runMethod } from './method.ts'
import { Search } from './search.ts'

/** Cases small enough for `exhaustive`: many devices with few cuts, or few devices with many. */
const SHAPES = [
  { devices: 4, cuts: 8, size: 0 },
  { devices: 3, cuts: 9, size: 0 },
  { devices: 2, cuts: 4, size: 8 },
  { devices: 3, cuts: 2, size: 8 },
  { devices: 2, cuts: 9, size: 0 },
] as const

/** The bench runs 500 larger cases (`bench planner`). */
const CASES = { latency: { count: 24, slack: 1.01 }, throughput: { count: 12, slack: 1.02 } } as const

describe('auto', () => {
  for (const objective of ['latency', 'throughput'] as const) {
    const { count, slack } = CASES[objective]
    it(`is hardly beaten by the best of all plans on ${count} random small cases (${objective})`, async () => {
      const random = seededRandom(objective === 'latency' ? 6 : 7)
      let compared = 0
      for (let i = 0; i < count; i++) {
        const { devices, cuts, size } = SHAPES[i % SHAPES.length] as (typeof SHAPES)[number]
        const model = size === 0 ? randomDense(random, cuts) : randomChain(random, cuts, size)
        const room = randomRoom(random, devices)
        const limits = { objective, wire: { bits: 8, entropy: 'none' } } as const
        const search = new Search(model, room.topology, room.predictor, limits)
        const all = await runMethod(exhaustive, search)
        if (!all.ok) continue
        const ours = await runMethod(auto, search)
        if (!ours.ok) throw new Error(ours.message)
        compared++
        expect(search.cost(ours.draft) / search.cost(all.draft), `case ${i}`).toBeLessThan(slack)
      }
      expect(compared).toBeGreaterThan(count * 0.7)
    })
  }
})
