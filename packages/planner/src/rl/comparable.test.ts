import { checkPlan, type Plan, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { PIXELS_LOSS } from '../evaluator/draft.ts'
import type { PlanningLimits } from '../partitioners/limits.ts'
import { planWith } from '../planning.ts'
import { planCost } from '../policy/plan-cost.ts'
import { randomExits, randomRoom } from '../testing/random-cases.ts'
import { comparablePlans } from './comparable.ts'
import { trainForRoom } from './train-for-room.ts'

/** Rows on all three devices pay here, and so do exits. */
const room = randomRoom(seededRandom(5), 3)
const model = randomExits(seededRandom(25), 5, 64)

async function learnedPlan(limits: PlanningLimits = {}): Promise<Plan> {
  let plan: Plan | undefined
  for await (const step of trainForRoom(model, room.topology, room.predictor, limits, { episodes: 2, seed: 9 })) {
    plan = step.plan()
  }
  if (plan === undefined) throw new Error('nothing was learned')
  return plan
}

const comparable = (plan: Plan, limits: PlanningLimits = {}) =>
  comparablePlans(plan, model, room.topology, room.predictor, limits)

const predictedMs = (plan: Plan) => planCost(plan, model, room.topology, room.predictor)?.ms ?? Number.NaN

describe('comparablePlans', () => {
  it('puts exits on a learned split as the planner does, best first, and predicts them as plans in use are', async () => {
    const learned = await learnedPlan()
    expect(learned.exits).toEqual([])
    const plans = comparable(learned)
    expect(plans.some(({ exits }) => exits.length > 0)).toBe(true)
    expect(plans[0]?.predicted.latencyMs).toBeLessThan(learned.predicted.latencyMs)
    const ms = plans.map(({ predicted }) => predicted.latencyMs)
    expect(ms).toEqual(ms.toSorted((a, b) => a - b))
    for (const plan of plans) {
      checkPlan(JSON.parse(JSON.stringify(plan)))
      expect(plan.method).toBe('learned')
      expect(predictedMs(plan)).toBeCloseTo(plan.predicted.latencyMs, 6)
    }
    expect(new Set(plans.map(({ input, volumes, exits }) => JSON.stringify({ input, volumes, exits }))).size).toBe(
      plans.length,
    )
  })

  it('comes near to what auto finds, in rooms where exits pay', async () => {
    const auto = await planWith('auto', model, room.topology, room.predictor)
    if (!auto.ok) throw new Error(auto.message)
    expect(auto.plan.exits.length).toBeGreaterThan(0)
    const [best] = comparable(await learnedPlan())
    expect(best?.predicted.latencyMs).toBeLessThan(1.05 * auto.plan.predicted.latencyMs)
  })

  it('keeps the limits: no exits where none are wanted, none where no loss is allowed, the picture at home', async () => {
    for (const plan of comparable(await learnedPlan({ exits: false }), { exits: false })) expect(plan.exits).toEqual([])
    const strict = { maxAccuracyLoss: PIXELS_LOSS / 2 }
    for (const plan of comparable(await learnedPlan(strict), strict)) expect(plan.exits).toEqual([])
    const home = { privacy: 'raw-stays-local' } as const
    const plans = comparable(await learnedPlan(home), home)
    expect(plans.length).toBeGreaterThan(0)
    for (const { volumes } of plans) {
      expect(volumes[0]?.shards.map(({ device }) => device)).toEqual([room.topology.initiator])
    }
    expect(comparable(await learnedPlan(), { deadlineMs: 1e-6 })).toEqual([])
  })

  it('has nothing for a room that the plan does not fit', async () => {
    const other = randomRoom(seededRandom(6), 2)
    expect(comparablePlans(await learnedPlan(), model, other.topology, other.predictor)).toEqual([])
  })
})
