import { describe, expect, it } from 'vitest'
import { fromPlan } from '../evaluator/draft.ts'
import { compileRoom } from '../evaluator/room.ts'
import { chainModel } from '../model/chain.ts'
import { planWith, predictPlan } from '../planning.ts'
import { readRoom } from '../room-file.ts'

const SIDE = 96
const model = chainModel({
  name: 'net',
  input: [3, SIDE, SIDE],
  layers: [
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'dense', units: 10 },
  ],
})

/** A phone that encodes a JPEG for long, and a link that carries pixels at once. */
const room = readRoom({
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 0.2 },
    { id: 'desktop', gmacsPerSecond: 50 },
  ],
  links: [{ a: 'phone', b: 'desktop', mbitPerSecond: 100, rttMs: 2 }],
})

describe('pixels in 8 bits', () => {
  it('weigh a byte per value and lose hardly anything', async () => {
    const result = await planWith('neurosurgeon', model, room.topology, room.predictor)
    if (!result.ok) throw new Error(result.message)
    expect(result.plan.input).toEqual({ kind: 'tensor', bits: 8 })
    expect(result.plan.predicted.bytes).toBeGreaterThan(3 * SIDE * SIDE)
    expect(result.plan.predicted.bytes).toBeLessThan(3 * SIDE * SIDE + 2_000)
    expect(result.evaluation.accuracyLoss).toBeGreaterThan(0)
    const draft = fromPlan(result.plan, model, compileRoom(room.topology, room.predictor))
    expect(draft?.input).toBe('pixels')
    const again = predictPlan(result.plan, model, room.topology, room.predictor)
    expect(again?.fullMs).toBeCloseTo(result.plan.predicted.fullMs, 9)
  })

  it('leave a phone that is slow to encode a JPEG', async () => {
    const result = await planWith('auto', model, room.topology, room.predictor)
    expect(result).toMatchObject({ ok: true, plan: { input: { kind: 'tensor', bits: 8 } } })
  })

  it('stay exact where no loss at all is allowed', async () => {
    const result = await planWith('offload', model, room.topology, room.predictor, { maxAccuracyLoss: 0 })
    if (!result.ok) throw new Error(result.message)
    expect(result.plan.input).toEqual({ kind: 'tensor' })
    expect(result.plan.predicted.bytes).toBeGreaterThan(4 * 3 * SIDE * SIDE)
  })
})
