import { checkPlan, type Plan, seededRandom } from '@roomful/core'
import { expect, it } from 'vitest'
import type { PlannableModel } from './model/plannable.ts'
import { planWith, predictPlan } from './planning.ts'
import { type RoomFile, readRoom } from './room-file.ts'
import { planSchedule, type Scheduled } from './schedule.ts'
import { randomChain, randomRoom } from './testing/random-cases.ts'

function scheduled(model: PlannableModel, room: RoomFile, exits = true): Scheduled {
  const result = planSchedule(model, room.topology, room.predictor, { exits })
  if (!result.ok) throw new Error(result.message)
  return result
}

it('is at least as fast as the best single plan, its shares add up to 1, and its plans are sound', async () => {
  const random = seededRandom(21)
  for (let i = 0; i < 20; i++) {
    const model = randomChain(random, 3 + (i % 4), 8)
    const room = randomRoom(random, 1 + (i % 5))
    const { schedule, throughputPerSecond } = scheduled(model, room)
    const single = await planWith('local', model, room.topology, room.predictor, { objective: 'throughput' })
    if (!single.ok) throw new Error(single.message)
    expect(throughputPerSecond).toBeGreaterThanOrEqual(single.plan.predicted.throughputPerSecond * 0.95)
    expect(schedule.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9)
    expect(schedule.map(({ share }) => share)).toEqual(schedule.map(({ share }) => share).toSorted((a, b) => b - a))
    for (const { plan } of schedule) {
      checkPlan(JSON.parse(JSON.stringify(plan)))
      expect(predictPlan(plan, model, room.topology, room.predictor)?.feasible).toBe(true)
    }
  }
})

const device = (id: string, gmacsPerSecond: number) => ({
  id,
  gmacsPerSecond,
  overheadMs: 0,
  memoryMb: 4000,
  rowStep: 1,
})
const link = (a: string, b: string, mbitPerSecond: number) => ({ a, b, mbitPerSecond, rttMs: 2 })
const who = ({ volumes }: Plan) => [
  ...new Set(volumes.flatMap(({ shards }) => shards.map(({ device: id }) => String(id)))),
]

it('gives each device whole frames in proportion to its speed where the links are wide', () => {
  const room = readRoom({
    initiator: 'a',
    devices: [device('a', 4), device('b', 4), device('c', 2)],
    links: [link('a', 'b', 10_000), link('a', 'c', 10_000), link('b', 'c', 10_000)],
  })
  const model = randomChain(seededRandom(3), 6, 32)
  const together = scheduled(model, room, false)
  const alone = scheduled(model, readRoom({ initiator: 'a', devices: [device('a', 4)], links: [] }), false)
  const gain = together.throughputPerSecond / alone.throughputPerSecond
  expect(gain).toBeGreaterThan(1.8)
  expect(gain).toBeLessThanOrEqual(2.5 + 1e-6)
})

it('keeps to the initiator what a link cannot carry in time', () => {
  const room = readRoom({
    initiator: 'a',
    devices: [device('a', 4), device('b', 4)],
    links: [link('a', 'b', 0.001)],
  })
  const { schedule } = scheduled(randomChain(seededRandom(3), 6, 32), room, false)
  expect(schedule.map(({ plan }) => who(plan))).toEqual([['a']])
})

it('says why there is none', () => {
  const room = readRoom({
    initiator: 'a',
    devices: [{ ...device('a', 4), memoryMb: 1e-6 }],
    links: [],
  })
  expect(planSchedule(randomChain(seededRandom(3), 6, 32), room.topology, room.predictor)).toMatchObject({
    ok: false,
    reason: 'memory',
  })
})
