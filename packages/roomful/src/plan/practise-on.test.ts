import { type Plan, seededRandom } from '@roomful/core'
import { planWith, randomExits, randomRoom } from '@roomful/planner'
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

  it('comes to another plan when one has been tried, or says why it has none', async () => {
    const current = await planBy('local')
    const tried: Plan[] = []
    let last: string | undefined
    for (let i = 0; i < 8 && last === undefined; i++) {
      const { found } = await practise(current, { tried })
      if (found === undefined) throw new Error('nothing was found')
      const isKnown = tried.some((one) => isSame(one, found.chosen.plan))
      last = found.untried
      expect(isKnown).toBe(last !== undefined)
      tried.push(found.chosen.plan)
    }
    expect(last).toBe('it has been tried in this room before')
  })

  it('tells a plan that is far behind, or that is in use already, and asks for no trial of it', async () => {
    const best = (await practise(await planBy('local'))).found?.chosen.plan
    if (best === undefined) throw new Error('nothing was found')
    const reasons: string[] = []
    const tried: Plan[] = []
    for (let at = 0; at < 8 && reasons.at(-1) !== 'the agent has come to the plan in use'; at++) {
      const { found } = await practise(best, { tried })
      if (found === undefined) throw new Error('nothing was found')
      const behind = found.chosen.plan.predicted.latencyMs / found.currentMs
      expect(found.untried === undefined).toBe(behind <= 1.04 && !isSame(found.chosen.plan, best))
      reasons.push(found.untried ?? '')
      tried.push(found.chosen.plan)
    }
    expect(reasons.at(-1)).toBe('the agent has come to the plan in use')
    expect(reasons).toContainEqual(expect.stringMatching(/^predicted \d+ % slower than the plan in use$/))
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
