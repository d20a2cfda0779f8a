import { checkPlan, type Plan, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { chainModel } from '../model/chain.ts'
import { vggModel } from '../model/known-nets.ts'
import { lastPoint, type PlannableModel, pointAt, pointIndex } from '../model/plannable.ts'
import { planWith, planWithAll, predictPlan } from '../planning.ts'
import { type RoomFile, readRoom } from '../room-file.ts'
import { randomChain, randomDense, randomRoom } from '../testing/random-cases.ts'
import type { Planned } from './method.ts'
import { METHODS } from './registry.ts'

/** Rows, order and ends of every volume, and that the prediction is that of the plan. */
function expectSound({ plan, evaluation }: Planned, model: PlannableModel, room: RoomFile): void {
  checkPlan(JSON.parse(JSON.stringify(plan)))
  expect(pointIndex(model, plan.volumes[0]?.from ?? '')).toBe(0)
  expect(pointIndex(model, plan.volumes.at(-1)?.to ?? '')).toBe(lastPoint(model))
  for (const { to, shards } of plan.volumes) {
    if (shards.length > 1) expect(shards.at(-1)?.rows?.end).toBe(pointAt(model, pointIndex(model, to)).rows)
  }
  const again = predictPlan(plan, model, room.topology, room.predictor)
  expect(again?.fullMs).toBeCloseTo(evaluation.fullMs, 9)
  expect(Math.max(...(again?.spans.map((span) => span.endMs) ?? []))).toBeLessThanOrEqual(evaluation.fullMs + 1e-9)
}

describe('every method', () => {
  it('hands back a sound plan or a typed reason on random rooms', async () => {
    const random = seededRandom(11)
    for (let i = 0; i < 5; i++) {
      // Five devices in half of the cases: too many for `exhaustive`, which would take most of the time.
      const model = i % 3 === 0 ? randomDense(random, 5) : randomChain(random, 2 + (i % 4), 8)
      const room = randomRoom(random, i % 2 === 0 ? 5 : 1 + (i % 3))
      const limits = { objective: i % 2 === 0 ? 'latency' : 'throughput', episodes: 1 } as const
      for (const { method, result } of await planWithAll(model, room.topology, room.predictor, limits)) {
        expect(METHODS.map(({ name }) => name)).toContain(method)
        if (result.ok) expectSound(result, model, room)
        else expect(result.message.length).toBeGreaterThan(10)
      }
    }
  })

  it('is never better than auto by more than 1 %', async () => {
    const random = seededRandom(12)
    for (let i = 0; i < 6; i++) {
      // More devices than `exhaustive` takes.
      const model = randomChain(random, 6, 16)
      const room = randomRoom(random, 5 + (i % 3))
      const all = await planWithAll(model, room.topology, room.predictor, { episodes: 1 })
      const ours = all.find(({ method }) => method === 'auto')?.result
      if (ours?.ok !== true) throw new Error('auto must find a plan')
      for (const { method, result } of all) {
        if (result.ok && method !== 'exhaustive') {
          expect(ours.plan.predicted.latencyMs, method).toBeLessThanOrEqual(result.plan.predicted.latencyMs * 1.01)
        }
      }
    }
  })
})

const ROOM = readRoom({
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 1.5, overheadMs: 0.5 },
    { id: 'laptop', gmacsPerSecond: 12, overheadMs: 0.5 },
    { id: 'watch', name: 'Watch', gmacsPerSecond: 0.05, overheadMs: 2 },
    { id: 'tv', name: 'TV', gmacsPerSecond: 12, visible: false },
  ],
  links: [
    { a: 'phone', b: 'laptop', mbitPerSecond: 100, rttMs: 4 },
    { a: 'phone', b: 'watch', mbitPerSecond: 5, rttMs: 30 },
    { a: 'watch', b: 'laptop', mbitPerSecond: 5, rttMs: 30 },
    { a: 'phone', b: 'tv', mbitPerSecond: 100, rttMs: 4 },
  ],
})

/** Dense layers only: rows cannot be shared. */
const HEAVY = chainModel({
  input: [64, 1, 1],
  layers: [
    { kind: 'dense', units: 20_000 },
    { kind: 'dense', units: 4_000 },
  ],
})

const EXITED = chainModel({
  input: [3, 160, 160],
  layers: [
    { kind: 'conv', channels: 24, kernel: 3, stride: 2 },
    { kind: 'conv', channels: 48, kernel: 3 },
    { kind: 'pool', kernel: 2 },
    { kind: 'conv', channels: 96, kernel: 3 },
    { kind: 'conv', channels: 96, kernel: 3 },
    { kind: 'pool', kernel: 40 },
    { kind: 'dense', units: 10 },
  ],
  exits: [
    { after: 3, macs: 1e5 },
    { after: 4, macs: 1e5 },
  ],
  settings: [
    { thresholds: [0.9, 0.9], shares: [0.4, 0.3, 0.3], accuracyLoss: 0.002 },
    { thresholds: [0.5, 0.5], shares: [0.8, 0.1, 0.1], accuracyLoss: 0.05 },
  ],
})

describe('auto', () => {
  it('says in words why devices are left out', async () => {
    const result = await planWith('auto', EXITED, ROOM.topology, ROOM.predictor)
    if (!result.ok) throw new Error(result.message)
    expect(result.notes.join('\n')).toMatch(/adding Watch would cost [\d.]+ ms more than it saves/)
    expect(result.notes.join('\n')).toContain('TV is left out: it is hidden')
    expect(result.runnersUp.length).toBeGreaterThan(1)
    for (const { behindMs } of result.runnersUp) expect(behindMs).toBeGreaterThanOrEqual(0)
  })

  it('keeps to the accuracy limit and uses exits within it', async () => {
    const strict = await planWith('auto', EXITED, ROOM.topology, ROOM.predictor, { maxAccuracyLoss: 0 })
    if (!strict.ok) throw new Error(strict.message)
    expect(strict.plan.exits).toEqual([])
    expect(strict.plan.input.kind).toBe('tensor')
    const normal = await planWith('auto', EXITED, ROOM.topology, ROOM.predictor)
    if (!normal.ok) throw new Error(normal.message)
    expect(normal.plan.exits.length).toBeGreaterThan(0)
    expect(normal.evaluation.accuracyLoss).toBeLessThanOrEqual(0.01)
    expect(normal.plan.predicted.latencyMs).toBeLessThan(normal.plan.predicted.fullMs)
  })

  it('keeps the raw picture on the initiator when told to', async () => {
    const limits = { privacy: 'raw-stays-local', privateUntil: 't2' } as const
    for (const { method, result } of await planWithAll(EXITED, ROOM.topology, ROOM.predictor, {
      ...limits,
      episodes: 3,
    })) {
      if (!result.ok) continue
      const [first] = result.plan.volumes
      expect(first?.shards, method).toHaveLength(1)
      expect(first?.shards[0]?.device).toBe('phone')
      expect(pointIndex(EXITED, first?.to ?? '')).toBeGreaterThanOrEqual(2)
    }
  })

  it('refuses with a reason when a deadline or the memory cannot be met', async () => {
    const late = await planWith('auto', EXITED, ROOM.topology, ROOM.predictor, { deadlineMs: 1 })
    expect(late).toMatchObject({ ok: false, reason: 'deadline' })
    const small = readRoom({ initiator: 'a', devices: [{ id: 'a', gmacsPerSecond: 1, memoryMb: 0.1 }] })
    const full = await planWith('auto', EXITED, small.topology, small.predictor)
    expect(full).toMatchObject({ ok: false, reason: 'memory' })
  })
})

describe('limits.known', () => {
  it('keeps a known plan that is half a percent behind at most, and changes it for more', async () => {
    const roomOf = (other: number) =>
      readRoom({
        initiator: 'phone',
        devices: [
          { id: 'phone', gmacsPerSecond: 0.001 },
          { id: 'one', gmacsPerSecond: 10 },
          { id: 'other', gmacsPerSecond: other },
        ],
        links: [
          { a: 'phone', b: 'one', mbitPerSecond: 100, rttMs: 2 },
          { a: 'phone', b: 'other', mbitPerSecond: 100, rttMs: 2 },
        ],
      })
    const helpersOf = async (other: number, known: readonly Plan[]) => {
      const { topology, predictor } = roomOf(other)
      const result = await planWith('auto', EXITED, topology, predictor, { exits: false, known })
      if (!result.ok) throw new Error(result.message)
      return new Set(result.plan.volumes.flatMap(({ shards }) => shards.map(({ device }) => device)))
    }
    const { topology, predictor } = roomOf(40)
    const kept = await planWith('auto', EXITED, topology, predictor, { exits: false })
    if (!kept.ok) throw new Error(kept.message)
    expect(await helpersOf(9.99, [])).toEqual(new Set(['one']))
    expect(await helpersOf(9.99, [kept.plan])).toEqual(new Set(['other']))
    expect(await helpersOf(5, [kept.plan])).toEqual(new Set(['one']))
  })
})

describe('limits.exits', () => {
  it('binds every method, and plans that are known already', async () => {
    const model: PlannableModel = { ...EXITED, exits: EXITED.exits.map((exit) => ({ ...exit, aloneLoss: 0.001 })) }
    const free = await planWith('auto', model, ROOM.topology, ROOM.predictor)
    if (!free.ok) throw new Error(free.message)
    expect(free.plan.exits.length).toBeGreaterThan(0)
    const { fullMs } = free.plan.predicted
    for (const limits of [{}, { deadlineMs: fullMs * 0.8 }]) {
      const all = await planWithAll(model, ROOM.topology, ROOM.predictor, {
        ...limits,
        exits: false,
        episodes: 1,
        known: [free.plan],
      })
      const ours = all.find(({ method }) => method === 'auto')?.result
      for (const { method, result } of all) {
        if (!result.ok) continue
        expect(result.plan.exits, method).toEqual([])
        if (ours?.ok !== true) throw new Error(`auto has no plan where ${method} has one`)
        expect(ours.plan.predicted.latencyMs, method).toBeLessThanOrEqual(result.plan.predicted.latencyMs * 1.01)
      }
      const ciahp = all.find(({ method }) => method === 'ciahp')?.result
      expect(ciahp).toMatchObject({ ok: false, reason: 'no-exits', message: expect.stringContaining('limits.exits') })
    }
  })
})

describe('published methods', () => {
  it('EdgeLD and MoDNN come near their figures on 2, 3 and 4 equal nodes', async () => {
    const model = vggModel('vgg16', true)
    const speedup = async (method: string, count: number) => {
      const devices = Array.from({ length: count }, (_, i) => ({ id: `d${i}`, gmacsPerSecond: 5, overheadMs: 0.2 }))
      const links = devices.flatMap((a, i) =>
        devices.slice(i + 1).map((b) => ({ a: a.id, b: b.id, mbitPerSecond: 1000, rttMs: 1 })),
      )
      const room = readRoom({ initiator: 'd0', devices, links })
      const limits = { wire: { bits: 32, entropy: 'none' } } as const
      const local = await planWith('local', model, room.topology, room.predictor, limits)
      const split = await planWith(method, model, room.topology, room.predictor, limits)
      if (!local.ok || !split.ok) throw new Error('both must have a plan')
      return local.plan.predicted.latencyMs / split.plan.predicted.latencyMs
    }
    // Reported: EdgeLD 1.77 / 2.79 / 3.57, MoDNN 1.53 / 1.67 / 2.03.
    for (const [count, reported] of [
      [2, 1.77],
      [3, 2.79],
      [4, 3.57],
    ] as const) {
      const ours = await speedup('edgeld', count)
      expect(Math.abs(ours - reported) / reported, `EdgeLD on ${count}: ${ours}`).toBeLessThan(0.15)
      expect(await speedup('modnn', count)).toBeLessThan(ours)
    }
  })

  describe('edgent', () => {
    const measured: PlannableModel = {
      ...EXITED,
      exits: EXITED.exits.map((exit, at) => ({ ...exit, aloneLoss: [0.03, 0.008][at] ?? 0 })),
    }
    const under = (method: string, limits: object) => planWith(method, measured, ROOM.topology, ROOM.predictor, limits)

    it('keeps the whole network where a cut meets the deadline', async () => {
      const full = await under('neurosurgeon', {})
      if (!full.ok) throw new Error(full.message)
      const result = await under('edgent', { deadlineMs: full.plan.predicted.fullMs + 0.01 })
      if (!result.ok) throw new Error(result.message)
      expect(result.plan.volumes).toEqual(full.plan.volumes)
      expect(result.plan.exits).toEqual([])
    })

    it('answers everything at the most accurate exit that is in time, and nothing behind it counts', async () => {
      const full = await under('neurosurgeon', {})
      if (!full.ok) throw new Error(full.message)
      const deadlineMs = full.plan.predicted.fullMs - 0.01
      const result = await under('edgent', { deadlineMs })
      if (!result.ok) throw new Error(result.message)
      expect(result.plan.exits).toMatchObject([{ exit: 'exit2', threshold: 0, mode: 'wait' }])
      expect(result.notes).toEqual(['right-sized to exit2 to meet the deadline'])
      const { latencyMs, fullMs } = result.plan.predicted
      expect(fullMs).toBe(latencyMs)
      expect(fullMs).toBeLessThanOrEqual(deadlineMs)
      expect(result.evaluation.accuracyLoss).toBeGreaterThanOrEqual(0.008)
      const point = measured.exits[1]?.point ?? 0
      expect(result.evaluation.macs).toBe(measured.segments.slice(0, point).reduce((sum, { macs }) => sum + macs, 0))
      // The Plan alone says so, without any shares.
      const again = predictPlan(result.plan, measured, ROOM.topology, ROOM.predictor)
      expect(again?.latencyMs).toBeCloseTo(latencyMs, 9)
      expect(
        again?.spans.every((span) => (span.volume ?? 0) <= result.plan.volumes.findIndex(({ to }) => to === 't4')),
      ).toBe(true)
    })

    it('takes a less accurate exit only under a shorter deadline and within the loss', async () => {
      const second = await under('edgent', { deadlineMs: 1e-3, maxAccuracyLoss: 0.05 })
      if (second.ok) throw new Error('nothing is that fast')
      expect(second.reason).toBe('deadline')
      const soonest = Number(/need (\d+) ms/.exec(second.message)?.[1])
      const first = await under('edgent', { deadlineMs: soonest, maxAccuracyLoss: 0.05 })
      expect(first).toMatchObject({ ok: true, plan: { exits: [{ exit: 'exit1', threshold: 0 }] } })
      expect(await under('edgent', { deadlineMs: soonest })).toMatchObject({ ok: false, reason: 'deadline' })
    })

    it('does not use exits whose loss nobody has measured', async () => {
      const full = await under('neurosurgeon', {})
      if (!full.ok) throw new Error(full.message)
      const limits = { deadlineMs: full.plan.predicted.fullMs - 0.01 }
      const result = await planWith('edgent', EXITED, ROOM.topology, ROOM.predictor, limits)
      expect(result).toMatchObject({ ok: false, reason: 'deadline' })
    })

    it('does not meet a deadline that auto misses', async () => {
      const full = await under('neurosurgeon', {})
      if (!full.ok) throw new Error(full.message)
      let met = 0
      for (const share of [0.4, 0.6, 0.8, 0.95]) {
        const limits = { deadlineMs: full.plan.predicted.fullMs * share, maxAccuracyLoss: 0.05 }
        const sized = await under('edgent', limits)
        if (!sized.ok) continue
        met++
        const ours = await under('auto', limits)
        if (!ours.ok) throw new Error(ours.message)
        expect(ours.plan.predicted.latencyMs).toBeLessThanOrEqual(sized.plan.predicted.latencyMs * 1.001)
        expect(ours.plan.predicted.fullMs).toBeLessThanOrEqual(limits.deadlineMs)
      }
      expect(met).toBeGreaterThan(0)
    })
  })

  it('auto takes the plan of the fewest parts within the margin, and the best without one', async () => {
    const random = seededRandom(21)
    let simpler = 0
    for (let i = 0; i < 12; i++) {
      const model = randomChain(random, 5)
      const { topology, predictor } = randomRoom(random, 3)
      const sharp = await planWith('auto', model, topology, predictor)
      const robust = await planWith('auto', model, topology, predictor, { margin: 0.1 })
      if (!sharp.ok || !robust.ok) throw new Error('no plan')
      const shards = (plan: typeof sharp.plan) => plan.volumes.reduce((sum, volume) => sum + volume.shards.length, 0)
      const devices = (plan: typeof sharp.plan) =>
        new Set(plan.volumes.flatMap(({ shards }) => shards.map(({ device }) => device))).size
      const saved = Math.max(1, devices(sharp.plan) - devices(robust.plan))
      const allowed = (1 + 0.1 * saved) * sharp.plan.predicted.latencyMs
      expect(robust.plan.predicted.latencyMs).toBeLessThanOrEqual(allowed + 1e-9)
      expect(robust.plan.predicted.latencyMs).toBeGreaterThanOrEqual(sharp.plan.predicted.latencyMs - 1e-9)
      if (shards(robust.plan) < shards(sharp.plan)) simpler++
    }
    expect(simpler).toBeGreaterThan(0)
  })

  it('auto stays on the initiator where a helper is faster by less than the margin', async () => {
    const devicesWith = async (helper: number) => {
      const { topology, predictor } = readRoom({
        initiator: 'phone',
        devices: [
          { id: 'phone', gmacsPerSecond: 1 },
          { id: 'helper', gmacsPerSecond: helper },
        ],
        links: [{ a: 'phone', b: 'helper', mbitPerSecond: 1000, rttMs: 0.1 }],
      })
      const limits = { exits: false, margin: 0.15, maxAccuracyLoss: 0 }
      const plan = await planWith('auto', HEAVY, topology, predictor, limits)
      const offload = await planWith('offload', HEAVY, topology, predictor, limits)
      const local = await planWith('local', HEAVY, topology, predictor, limits)
      if (!plan.ok || !offload.ok || !local.ok) throw new Error('no plan')
      const devices = new Set(plan.plan.volumes.flatMap(({ shards }) => shards.map(({ device }) => device)))
      return { devices, gain: local.plan.predicted.latencyMs / offload.plan.predicted.latencyMs - 1 }
    }
    const near = await devicesWith(1.15)
    expect(near.gain).toBeGreaterThan(0.05)
    expect(near.devices).toEqual(new Set(['phone']))
    const far = await devicesWith(4)
    expect(far.gain).toBeGreaterThan(0.15)
    expect(far.devices).toContain('helper')
  })

  it('distredge and cogent repeat themselves from a seed', async () => {
    const room = randomRoom(seededRandom(3), 3)
    const model = { ...EXITED, trunks: [{ ...EXITED, trunk: 'slim', trunkLoss: 0.005, trunks: [] }] }
    for (const method of ['distredge', 'cogent']) {
      const limits = { seed: 9, episodes: 2 }
      const once = await planWith(method, model, room.topology, room.predictor, limits)
      const twice = await planWith(method, model, room.topology, room.predictor, limits)
      if (!once.ok || !twice.ok) throw new Error('both must have a plan')
      expect(twice.plan).toEqual(once.plan)
    }
  })

  describe('ciahp', () => {
    const phone = (gpu: number, runMs: number) =>
      readRoom({
        initiator: 'phone',
        devices: [
          {
            id: 'phone',
            backends: [
              { backend: 'ort-webgpu', gmacsPerSecond: gpu, overheadMs: runMs },
              { backend: 'ort-wasm', gmacsPerSecond: gpu / 4, overheadMs: 0.3 },
            ],
          },
        ],
      })

    it('keeps the trunk on the fast processor and the exits off it', async () => {
      const room = phone(8, 0.2)
      const result = await planWith('ciahp', EXITED, room.topology, room.predictor)
      if (!result.ok) throw new Error(result.message)
      expect(new Set(result.plan.volumes.map((volume) => volume.shards[0]?.backend))).toEqual(new Set(['ort-webgpu']))
      expect(new Set(result.plan.exits.map((exit) => exit.backend))).toEqual(new Set(['ort-wasm']))
    })

    it('delays no sample that leaves at no exit by more than a twentieth of the trunk without exits', async () => {
      let placed = 0
      for (const gpu of [1, 3, 8]) {
        for (const runMs of [0.1, 0.5, 1, 3, 6]) {
          const { topology, predictor } = phone(gpu, runMs)
          const trunk = await planWith('local', EXITED, topology, predictor)
          const result = await planWith('ciahp', EXITED, topology, predictor)
          if (!trunk.ok) throw new Error(trunk.message)
          if (!result.ok) {
            expect(result.message).toContain('delay')
            continue
          }
          placed++
          const delay = result.plan.predicted.fullMs / trunk.plan.predicted.fullMs - 1
          expect(delay, `${gpu} GMAC/s, ${runMs} ms`).toBeLessThanOrEqual(0.05)
          expect(result.notes.join()).toContain(`takes ${(delay * 100).toFixed(1)} % longer than without exits`)
        }
      }
      expect(placed).toBeGreaterThan(3)
    })
  })
})
