import type { Plan } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { chainModel } from '../model/chain.ts'
import { planWith } from '../planning.ts'
import { readRoom } from '../room-file.ts'
import { preparationOf } from './preparation.ts'
import { DEFAULT_HYSTERESIS, worthSwitching } from './replanning.ts'

const model = chainModel({
  name: 'net',
  input: [3, 64, 64],
  layers: [
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'dense', units: 10 },
  ],
})
const room = readRoom({
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 1 },
    { id: 'laptop', gmacsPerSecond: 10 },
  ],
  links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 80, rttMs: 4 }],
})
const of = async (method: string): Promise<Plan> => {
  const result = await planWith(method, model, room.topology, room.predictor, { exits: false })
  if (!result.ok) throw new Error(result.message)
  return result.plan
}

describe('what a switch costs', () => {
  it('is nothing for the plan in use', async () => {
    const local = await of('local')
    const cost = preparationOf(local, local, model, room.topology, room.predictor)
    expect(cost).toEqual({ readyMs: 0, delayMs: 0 })
  })

  it('is the time to build and warm where no request is delayed on an idle device', async () => {
    const [local, offload] = [await of('local'), await of('offload')]
    const cost = preparationOf(offload, local, model, room.topology, room.predictor, { weightsHeld: true })
    const macs = model.segments.reduce((sum, segment) => sum + segment.macs, 0)
    expect(cost?.delayMs).toBe(0)
    expect(cost?.readyMs).toBeGreaterThan(macs / 1e7)
    const fetched = preparationOf(offload, local, model, room.topology, room.predictor)
    const bytes = model.segments.reduce((sum, { parameters }) => sum + parameters * 4, 0)
    expect((fetched?.readyMs ?? 0) - (cost?.readyMs ?? 0)).toBeGreaterThan(bytes / 10_000)
  })

  it('is a delay where sessions are warmed on a processor in use, and where the initiator gets ready to go on alone', async () => {
    const [local, split] = [await of('local'), await of('edgeld')]
    const cost = preparationOf(split, local, model, room.topology, room.predictor, { weightsHeld: true })
    const aloneMs = local.predicted.fullMs
    expect(cost?.delayMs).toBeGreaterThan(aloneMs)
    expect(cost?.delayMs).toBeLessThan(1.2 * aloneMs)
    expect(cost?.readyMs).toBeLessThan(aloneMs)
  })

  it('is unknown for a device that is gone', async () => {
    const [local, offload] = [await of('local'), await of('offload')]
    const alone = readRoom({ initiator: 'phone', devices: [{ id: 'phone', gmacsPerSecond: 1 }] })
    expect(preparationOf(local, offload, model, alone.topology, alone.predictor)).toBeUndefined()
  })
})

describe('a switch', () => {
  it('must save more until the next change than it costs', () => {
    const cost = { readyMs: 2_000, delayMs: 1_000 }
    expect(worthSwitching(100, 90, DEFAULT_HYSTERESIS, { ...cost, dwellMs: 30_000 })).toBe(true)
    expect(worthSwitching(100, 90, DEFAULT_HYSTERESIS, { ...cost, dwellMs: 10_000 })).toBe(false)
    expect(worthSwitching(100, 50, DEFAULT_HYSTERESIS, { ...cost, dwellMs: 10_000 })).toBe(true)
    expect(worthSwitching(Number.POSITIVE_INFINITY, 90, DEFAULT_HYSTERESIS, { ...cost, dwellMs: 0 })).toBe(true)
  })
})
