import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { deviceId } from '@roomful/core'
import { modelMacs, readRoom } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { shippedModel } from '../planner/shipped.ts'
import { messageMs, PhysicalLimit } from './limits.ts'
import { planForLink, planMethods, withLibraries } from './methods.ts'
import { rowsOf } from './rows.ts'

const phone = deviceId('phone')
const laptop = deviceId('laptop')
const LINK = { rttMs: 4, mbitPerSecond: 100 }
const room = readRoom({
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 1.5, overheadMs: 1 },
    { id: 'laptop', gmacsPerSecond: 7.5, overheadMs: 1 },
  ],
  // Probed worse than it is: the limit takes what the scenario states.
  links: [{ a: 'phone', b: 'laptop', rttMs: 9, mbitPerSecond: 60 }],
})
const model = await shippedModel(
  path.join(fileURLToPath(new URL('../../../..', import.meta.url)), 'public/models/imagenette'),
)
if (model === undefined) throw new Error('the shipped model is missing')
const solo = new Map([
  [phone, 250],
  [laptop, 50],
])
const limit = await PhysicalLimit.of(model, room.topology, [{ a: phone, b: laptop, ...LINK }], solo)
const planned = await planMethods(
  ['local', 'offload', 'strips', 'auto', 'auto+exits', 'auto+exits+cache'],
  model,
  room.topology,
  room.predictor,
  { maxAccuracyLoss: 0.01 },
)
const planOf = (method: string) => {
  const found = planned.plans.find((entry) => entry.method === method)
  if (found === undefined) throw new Error(`no plan by ${method}: ${planned.notes.join('; ')}`)
  return found
}

describe('limits and rows of the room benchmark', () => {
  it('local takes what the device took alone', () => {
    expect(limit.ofPlan(planOf('local').plan)).toBeCloseTo(250, 6)
  })

  it('one cut takes head, message, tail and the way back of the answer (METHODS section 6)', () => {
    const plan = planForLink(model, room.topology, phone, laptop)
    if (plan === undefined) throw new Error('the network cannot be cut')
    expect(planForLink({ ...model, points: model.points.slice(0, 1) }, room.topology, phone, laptop)).toBeUndefined()
    const [head] = model.segments
    const share = (head?.macs ?? 0) / modelMacs(model)
    const expected = 250 * share + messageMs(LINK, (model.points[1]?.elements ?? 0) * 4) + 50 * (1 - share) + 2
    // Profiles cost elementwise work beside multiply-accumulates.
    expect((limit.ofPlan(plan) ?? 0) / expected).toBeGreaterThan(0.9)
    expect((limit.ofPlan(plan) ?? 0) / expected).toBeLessThan(1.1)
  })

  it('the picture to a helper takes the helper alone and little more', () => {
    const ms = limit.ofPlan(planOf('offload').plan) ?? 0
    expect(ms).toBeGreaterThan(50)
    expect(ms).toBeLessThan(60)
  })

  it('exits and cache hits lower it', () => {
    const { plan } = planOf('auto+exits')
    const full = limit.ofPlan(plan) ?? 0
    const shares = model.exits.map((_, index) => (index === 0 ? 0.8 : 0))
    if (plan.exits.length > 0) expect(limit.ofPlan(plan, shares)).toBeLessThan(full)
    expect(limit.ofPlan(plan, [], 0.5)).toBeCloseTo(full / 2, 6)
  })

  it('splits every fused block into equal rows', () => {
    const { plan } = planOf('strips')
    const rows = plan.volumes[0]?.shards.map((shard) => (shard.rows?.end ?? 0) - (shard.rows?.start ?? 0)) ?? []
    expect(rows).toHaveLength(2)
    expect(Math.abs((rows[0] ?? 0) - (rows[1] ?? 9))).toBeLessThanOrEqual(1)
  })

  it('rows compare within blocks and count what was answered', () => {
    const sample = (ms: number, picture: number, label: number) => ({
      picture,
      ms,
      label,
      bytes: 10,
      exit: 'final',
      source: 'computed' as const,
    })
    const plans = planned.plans.filter(({ method }) => method === 'local' || method === 'offload')
    const blocks = [0, 1].flatMap((block) => [
      { method: 'local', block, samples: [sample(200 * (block + 1), 0, 3), sample(300 * (block + 1), 1, 4)] },
      {
        method: 'offload',
        block,
        samples: [sample(50 * (block + 1), 0, 3), { picture: 1, ms: 9, bytes: 0, failed: 'deadline' }],
      },
    ])
    const [local, offload] = rowsOf(plans, blocks, {
      model,
      modelName: 'imagenette',
      limit,
      labels: [3, 5],
      unasked: () => undefined,
      nameOf: (id) => id,
    })
    expect(local).toMatchObject({ meanMs: 375, ratioToLocal: 1, top1: 0.5, requests: 4, failed: 0, blocks: 2 })
    expect(offload).toMatchObject({ meanMs: 75, p95Ms: 100, top1: 1, failed: 2, bytes: 10, devices: ['laptop'] })
    expect(offload?.ratioToLocal).toBeCloseTo(0.2, 10)
  })
  it('ratios are to the library alone where it ran, which has neither limit nor prediction', () => {
    const sample = (ms: number) => ({ picture: 0, ms, label: 3, bytes: 0, source: 'computed' as const })
    const blocks = [0, 1].flatMap((block) => [
      { method: 'ort', block, samples: [sample(200 * (block + 1))] },
      { method: 'local', block, samples: [sample(250 * (block + 1))] },
    ])
    const rows = rowsOf(withLibraries(['ort'], planned.plans, planOf('local').plan), blocks, {
      model,
      modelName: 'net',
      limit,
      speedFactor: () => 1.5,
      labels: undefined,
      unasked: () => undefined,
      nameOf: (id) => id,
    })
    const [ort, local] = rows
    expect(ort).toMatchObject({ method: 'ort', meanMs: 300, ratioToLocal: 1, devices: ['phone'], blocks: 2 })
    expect(ort).toMatchObject({ limitMs: null, ratioToLimit: null, predictedMs: null, predictedAtMeanSpeedMs: null })
    expect(local?.ratioToLocal).toBeCloseTo(1.25, 10)
    expect(local?.predictedAtMeanSpeedMs).toBeCloseTo(1.5 * (local?.predictedMs ?? 0), 10)
  })

  it('rows stand without a local one, and without what answered nothing', () => {
    const sample = { picture: 0, ms: 50, label: 3, bytes: 10, source: 'computed' as const }
    const blocks = [
      { method: 'local', block: 0, samples: [{ picture: 0, ms: 20_000, bytes: 0, failed: 'deadline' }] },
      { method: 'offload', block: 0, samples: [sample] },
    ]
    const rows = rowsOf(planned.plans, blocks, {
      model,
      modelName: 'net',
      limit,
      labels: [3],
      unasked: () => undefined,
      nameOf: (id) => id,
    })
    expect(rows.filter(({ sameAs }) => sameAs === undefined).map(({ method }) => method)).toEqual(['offload'])
    expect(rows[0]).toMatchObject({ meanMs: 50, ratioToLocal: null, ratioToLocalCi: null, ciMs: null, top1: 1 })
    expect(JSON.stringify(rows)).not.toContain('NaN')
  })
})
