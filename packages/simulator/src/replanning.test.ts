import { chainModel } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { readScenario } from './scenario.ts'
import { simulate } from './simulate.ts'

/** An exit behind a cheap first layer answers nearly everything. */
const net = chainModel({
  name: 'early',
  input: [3, 32, 32],
  layers: [
    { kind: 'conv', channels: 16, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'dense', units: 10 },
  ],
  exits: [{ after: 1, macs: 1e4 }],
  settings: [{ thresholds: [0.8], shares: [0.95, 0.05], accuracyLoss: 0 }],
})

const room = {
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 0.5, overheadMs: 0.1, load: 0.9 },
    { id: 'laptop', gmacsPerSecond: 20, overheadMs: 0.1 },
  ],
  links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 20, rttMs: 3 }],
}

describe('replanning with exits', { timeout: 60_000 }, () => {
  it('switches to a plan whose mean answer is sooner though the whole trunk takes longer', async () => {
    const scenario = readScenario({
      model: 'early',
      room,
      requests: { kind: 'rate', count: 240, perSecond: 6, arrivals: 'even' },
      events: [{ atMs: 4000, kind: 'load', device: 'phone', load: 0 }],
    })
    const result = await simulate(scenario, net)
    expect(result.replans).toEqual([expect.objectContaining({ reason: 'load', outcome: 'switched' })])
    const meanMs = (from: number, to: number) => {
      const some = result.requests.filter(({ startMs }) => startMs >= from && startMs < to)
      return some.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) / some.length
    }
    expect(meanMs(7000, 40_000)).toBeLessThan(0.7 * meanMs(1000, 4000))
  })
})
