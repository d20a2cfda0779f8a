import { vggModel } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { readScenario } from './scenario.ts'
import { simulate } from './simulate.ts'

const room = {
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 20, overheadMs: 1 },
    { id: 'laptop', gmacsPerSecond: 200, overheadMs: 1 },
    { id: 'tablet', gmacsPerSecond: 50, overheadMs: 1 },
  ],
  links: [
    { a: 'phone', b: 'laptop', mbitPerSecond: 100, rttMs: 4 },
    { a: 'phone', b: 'tablet', mbitPerSecond: 100, rttMs: 4 },
    { a: 'laptop', b: 'tablet', mbitPerSecond: 200, rttMs: 4 },
  ],
}

const base = { seed: 7, model: 'vgg16', room, requests: { kind: 'closed', count: 4 } }
const model = vggModel('vgg16')

describe('a simulation', () => {
  it('gives the same result from the same seed', async () => {
    const scenario = readScenario({ ...base, methods: ['auto', 'local'] })
    const one = await simulate(scenario, model)
    const two = await simulate(scenario, model)
    console.log(JSON.stringify(one.percentiles), one.plan?.predicted, one.runs[1]?.percentiles)
    expect(JSON.stringify(two)).toBe(JSON.stringify(one))
  })
})
