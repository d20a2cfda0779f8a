import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { randomChain, randomDense, randomRoom, SMALL_SHAPES } from '../testing/random-cases.ts'
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

/** The benchmark's 134th case of seed 6, in which `auto` once was 2.3 % behind: its walk began with short volumes. */
const MISSED = { seed: 6, at: 133 } as const

describe('auto', () => {
  it('finds three devices for the early layers of a net whose best single device hides them', async () => {
    const random = seededRandom(MISSED.seed)
    const cases = Array.from({ length: MISSED.at + 1 }, (_, i) => {
      const { devices, cuts, size } = SMALL_SHAPES[i % SMALL_SHAPES.length] as (typeof SMALL_SHAPES)[number]
      const model = size === 0 ? randomDense(random, cuts) : randomChain(random, cuts, size)
      return { model, room: randomRoom(random, devices) }
    })
    const { model, room } = cases.at(-1) as (typeof cases)[number]
    const search = new Search(model, room.topology, room.predictor, { wire: { bits: 8, entropy: 'none' } })
    const all = await runMethod(exhaustive, search)
    const ours = await runMethod(auto, search)
    if (!all.ok || !ours.ok) throw new Error('there is no plan')
    expect(search.cost(ours.draft) / search.cost(all.draft)).toBeLessThan(1.001)
    expect(ours.draft.volumes[0]?.shards).toHaveLength(3)
  })

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
