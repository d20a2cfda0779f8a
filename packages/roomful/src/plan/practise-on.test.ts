import { type Plan, seededRandom } from '@roomful/core'
import { comparablePlans, planWith, randomExits, randomRoom, trainForRoom } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { DEFAULT_PLANNING, LEARNED, type Training } from './planning.ts'
import { practiseOn } from './practise-on.ts'

/** Rows on all three devices pay here, and so do exits. */
const { topology, predictor } = randomRoom(seededRandom(5), 3)
const plannable = randomExits(seededRandom(25), 5, 64)
const model = { plannable, thresholds: new Map() }
const options = DEFAULT_PLANNING
const training: Training = { episodes: 1, seed: 3 }

async function planBy(method: string): Promise<Plan> {
  const result = await planWith(method, plannable, topology, predictor, options)
  if (!result.ok) throw new Error(result.message)
  return result.plan
}

const practise = (current: Plan, more: Partial<Training> = {}, signal = new AbortController().signal) =>
  practiseOn(model, topology, predictor, { options, current, training: { ...training, ...more }, signal })

const isSame = (a: Plan, b: Plan) => JSON.stringify([a.volumes, a.exits]) === JSON.stringify([b.volumes, b.exits])

describe('practiseOn', () => {
  it('finds a learned plan with exits, which is worth a trial where it is predicted better', async () => {
    const current = await planBy('local')
    const { curve, found } = await practise(current)
    expect(curve.length).toBeGreaterThan(1)
    expect(found).toMatchObject({ by: 'learning', chosen: { plan: { method: LEARNED, model: plannable.digest } } })
    const plan = found?.chosen.plan
    expect(plan?.exits.length).toBeGreaterThan(0)
    expect(found?.chosen.words[0]).toContain(`exits: ${plan?.exits[0]?.exit}`)
    expect(plan?.predicted.latencyMs).toBeLessThan(found?.currentMs ?? 0)
    expect(found).not.toHaveProperty('untried')
  })

  it('comes to another plan when one has been tried, and says so when all have been', async () => {
    const current = await planBy('local')
    let learned: Plan | undefined
    for await (const step of trainForRoom(plannable, topology, predictor, options, training)) learned = step.plan()
    const plans = learned === undefined ? [] : comparablePlans(learned, plannable, topology, predictor, options)
    const [best, next] = plans
    if (best === undefined || next === undefined) throw new Error('nothing was learned')
    const second = (await practise(current, { tried: [best] })).found
    expect(second).not.toHaveProperty('untried')
    expect(isSame(second?.chosen.plan ?? best, next)).toBe(true)
    const last = (await practise(current, { tried: plans })).found
    expect(last?.untried).toBe('it has been tried in this room before')
  })

  it('tells when the agent comes to the plan in use, and does not fall back on a hopeless one', async () => {
    const best = (await practise(await planBy('local'))).found?.chosen.plan
    if (best === undefined) throw new Error('nothing was found')
    const tried: Plan[] = []
    for (let at = 0; at < 8; at++) {
      const { found } = await practise(best, { tried })
      if (found === undefined) throw new Error('nothing was found')
      const { plan } = found.chosen
      if (found.untried !== undefined) {
        expect(found.untried).toBe('the agent has come to the plan in use')
        expect(isSame(plan, best)).toBe(true)
        return
      }
      expect(plan.predicted.latencyMs).toBeLessThanOrEqual(1.04 * found.currentMs)
      tried.push(plan)
    }
    throw new Error('every plan was worth a trial')
  })

  it('asks for no trial of a plan that is predicted far behind', async () => {
    const current = await planBy('auto')
    const without = { ...options, exits: false }
    const signal = new AbortController().signal
    const { found } = await practiseOn(model, topology, predictor, { options: without, current, training, signal })
    expect(found?.chosen.plan.exits).toEqual([])
    expect(found?.untried).toMatch(/^predicted \d+ % slower than the plan in use$/)
  })

  it('looks thoroughly first where that is asked for, and not at what was tried', async () => {
    const current = await planBy('local')
    const first = await practise(current, { thorough: true })
    expect(first).toMatchObject({ curve: [], found: { by: 'planning' } })
    const tried = first.found === undefined ? [] : [first.found.chosen.plan]
    expect((await practise(current, { thorough: true, tried })).found?.by).toBe('learning')
  })

  it('has a curve and no plan when somebody asks meanwhile', async () => {
    const stop = new AbortController()
    stop.abort()
    expect(await practise(await planBy('local'), {}, stop.signal)).toEqual({ curve: [] })
  })
})
