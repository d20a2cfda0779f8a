import { type Random, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import type { PlannableModel } from '../model/plannable.ts'
import { planWith } from '../planning.ts'
import type { RoomFile } from '../room-file.ts'
import { randomExits, randomRoom } from '../testing/random-cases.ts'
import type { PlanningLimits } from './limits.ts'

const CASES = 12

interface Question {
  readonly what: string
  readonly room: RoomFile
  readonly limits: PlanningLimits
}

/** The same room with less allowed, and with one helper less: whatever is planned there is a plan here too. */
function stricter(room: RoomFile, limits: PlanningLimits): Question[] {
  const { topology } = room
  const loss = limits.maxAccuracyLoss ?? 0
  const out: Question[] = [
    { what: 'private', room, limits: { ...limits, privacy: 'raw-stays-local' } },
    { what: 'without exits', room, limits: { ...limits, exits: false } },
    { what: 'half the loss', room, limits: { ...limits, maxAccuracyLoss: loss / 2 } },
    { what: 'another seed', room, limits: { ...limits, seed: 2 } },
  ]
  for (const { id } of topology.devices) {
    if (id === topology.initiator) continue
    const devices = topology.devices.filter((device) => device.id !== id)
    const links = topology.links.filter(({ a, b }) => a !== id && b !== id)
    out.push({ what: `without ${id}`, room: { ...room, topology: { ...topology, devices, links } }, limits })
  }
  return out
}

async function costOf(model: PlannableModel, { room, limits }: Question): Promise<number> {
  const result = await planWith('auto', model, room.topology, room.predictor, limits)
  if (!result.ok) return Number.POSITIVE_INFINITY
  const { latencyMs, throughputPerSecond } = result.plan.predicted
  return limits.objective === 'throughput' ? 1000 / throughputPerSecond : latencyMs
}

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)] as T

/** Climbs are heuristics: what is left of the difference is bounded here, and docs/planner.md says how often it is seen. */
const RARELY = 0.05
const WORST = 1.05

describe('auto', () => {
  const random = seededRandom(31)
  const cases = Array.from({ length: CASES }, (_, index) => {
    const model = randomExits(random, 4 + random.int(12), pick(random, [16, 32]))
    const room = randomRoom(random, 2 + random.int(3))
    const objective = pick(random, ['latency', 'latency', 'throughput'] as const)
    return { index, model, room, limits: { objective, maxAccuracyLoss: pick(random, [0.005, 0.01, 0.02]) } }
  })
  const ratios: number[] = []

  it.each(cases)('is never much worse where more is allowed, random room $index', async ({ model, room, limits }) => {
    const loose = await costOf(model, { what: 'as asked', room, limits })
    for (const question of stricter(room, limits)) {
      const ratio = loose / (await costOf(model, question))
      ratios.push(ratio)
      expect(ratio, question.what).toBeLessThan(WORST)
    }
  })

  it(`is hardly ever worse by more than 1 % there, on ${CASES} random rooms of 2 to 4 devices`, () => {
    expect(ratios.length).toBeGreaterThan(CASES)
    expect(ratios.filter((ratio) => ratio > 1.01).length / ratios.length).toBeLessThan(RARELY)
  })
})
