import { chainModel, type PlannableModel, planWith, readRoom } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { readScenario } from './scenario.ts'
import { simulate } from './simulate.ts'

const plain = chainModel({
  name: 'right-sized',
  input: [3, 96, 96],
  layers: [
    { kind: 'conv', channels: 32, kernel: 3 },
    { kind: 'conv', channels: 48, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'dense', units: 10 },
  ],
  exits: [{ after: 2, macs: 1e5 }],
  settings: [{ thresholds: [0.8], shares: [0.2, 0.8], accuracyLoss: 0 }],
})
const net: PlannableModel = { ...plain, exits: plain.exits.map((exit) => ({ ...exit, aloneLoss: 0.005 })) }

const room = {
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 1, overheadMs: 0.5 },
    { id: 'laptop', gmacsPerSecond: 8, overheadMs: 0.5 },
  ],
  links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 50, rttMs: 4 }],
}

describe('a network that edgent has right-sized', { timeout: 60_000 }, () => {
  it('answers every request at its one exit, in the time that was predicted', async () => {
    const { topology, predictor } = readRoom(room)
    const full = await planWith('neurosurgeon', net, topology, predictor, { segmentMs: 15 })
    if (!full.ok) throw new Error(full.message)
    const limits = { deadlineMs: full.plan.predicted.fullMs * 0.9, segmentMs: 15 }
    const sized = await planWith('edgent', net, topology, predictor, limits)
    if (!sized.ok) throw new Error(sized.message)
    expect(sized.plan.exits).toMatchObject([{ exit: 'exit1', threshold: 0 }])
    const requests = { kind: 'rate', count: 30, perSecond: 2, arrivals: 'even' }
    const result = await simulate(readScenario({ model: 'given', room, plan: sized.plan, requests }), net)
    expect(result.exits).toEqual({ exit1: 1 })
    expect(Math.abs(result.percentiles.p50Ms / sized.plan.predicted.latencyMs - 1)).toBeLessThan(0.03)
    expect(result.percentiles.p50Ms).toBeLessThan(limits.deadlineMs)
  })
})
