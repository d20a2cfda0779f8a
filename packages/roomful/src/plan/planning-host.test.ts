import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type DeviceProfile, deviceId, modelDigest, type Plan, type Topology, VirtualClock } from '@roomful/core'
import { serveCalls, type WorkerPort } from '@roomful/engine'
import { parseManifest } from '@roomful/model'
import { compressedPackage } from '@roomful/model/testing'
import { LinkModel, planKind } from '@roomful/planner'
import { beforeEach, describe, expect, it } from 'vitest'
import { type OwnLearning, speedKey } from '../device/own-learning.ts'
import { type ChosenPlan, DEFAULT_PLANNING, type ModelOutline, type Observed, type Planning } from './planning.ts'
import { planningHandlers } from './planning-calls.ts'
import { PlanningHost } from './planning-host.ts'
import { WorkerPlanning } from './worker-planning.ts'

const folder = path.resolve(import.meta.dirname, '../../../../public/models/imagenette')
const read = (name: string) => new Uint8Array(readFileSync(path.join(folder, name)))
const phone = deviceId('phone')
const laptop = deviceId('laptop')
const device = (id: typeof phone, gmacsPerSecond: number): DeviceProfile => ({
  id,
  name: id,
  protocol: 1,
  role: 'worker',
  backends: [{ backend: 'ort-wasm', threads: 1, gmacsPerSecond, overheadMs: 0.5 }],
  models: [],
  memoryMb: 1000,
  storage: { quotaMb: 1000, writeMbPerSecond: 100, readMbPerSecond: 100 },
  lending: true,
  visible: true,
  load: 0,
})
const room = (phoneSpeed = 0.5, laptopSpeed = 8): Topology => ({
  initiator: phone,
  devices: [device(phone, phoneSpeed), device(laptop, laptopSpeed)],
  links: [{ a: phone, b: laptop, rttMs: 4, mbitPerSecond: 100 }],
})
const withoutExits = { ...DEFAULT_PLANNING, exits: false }

async function opened(planning: Planning): Promise<ModelOutline> {
  return planning.open(await parseManifest(read('model.json')), read('graph.onnx'))
}

function runs(plan: Plan, msOf: (device: string) => number): Observed[] {
  return plan.volumes.flatMap(({ from, to, shards }) =>
    shards.map(
      ({ device: by, backend }) => ({ kind: 'compute', device: by, backend, from, to, ms: msOf(by) }) as const,
    ),
  )
}

const where = (plan: Plan) => [...new Set(plan.volumes.flatMap(({ shards }) => shards.map((shard) => shard.device)))]

async function plansThin(planning: Planning): Promise<void> {
  const files = await compressedPackage()
  const file = (name: string) => files.get(name) ?? new Uint8Array()
  const manifest = await parseManifest(file('model.json'))
  const { digest } = await planning.open(manifest, file('graph.onnx'), { slim: file('slim-graph.onnx') })
  const alone: Topology = { initiator: phone, devices: [device(phone, 1)], links: [] }
  const thin = await planning.automatically(digest, alone, DEFAULT_PLANNING, undefined)
  expect(thin.plan.trunk).toBe('slim')
  const exact = await planning.automatically(digest, alone, { ...DEFAULT_PLANNING, maxAccuracyLoss: 0 }, undefined)
  expect(exact.plan.trunk).toBe('main')
  expect(thin.plan.predicted.latencyMs).toBeLessThan(0.5 * exact.plan.predicted.latencyMs)
}

const wholeHere = (model: ModelOutline) => ({
  plan: [{ device: phone, to: model.points.at(-1)?.tensor ?? ('' as never) }],
  exits: false,
})

const phoneUnder = (load: number, gmacs = 0.5): Topology => {
  const { devices, ...rest } = room(gmacs)
  return { ...rest, devices: devices.map((one) => (one.id === phone ? { ...one, load } : one)) }
}

/** The phone computes everything, much slower than predicted, so many times. */
async function slowAlone(planning: Planning, model: ModelOutline, load: number, times: number): Promise<void> {
  const { plan } = await planning.byHand(model.digest, room(), wholeHere(model))
  const measured = runs(plan, () => 1500)
  for (let i = 0; i < times; i++) await planning.observe(model.digest, phoneUnder(load), measured)
}

/** What the phone is predicted to need for everything while others use half of it. */
async function aloneMs(planning: Planning, model: ModelOutline, gmacs = 0.5): Promise<number> {
  const { plan } = await planning.byHand(model.digest, phoneUnder(0.5, gmacs), wholeHere(model))
  return plan.predicted.latencyMs
}

/** Another visit, which begins with what an earlier one has kept. */
async function visit(learned: OwnLearning | undefined, self = phone): Promise<PlanningHost> {
  const host = new PlanningHost()
  await opened(host)
  if (learned !== undefined) await host.recall(self, structuredClone(learned))
  return host
}

describe('PlanningHost', () => {
  let host: PlanningHost
  let model: ModelOutline
  beforeEach(async () => {
    host = new PlanningHost()
    model = await opened(host)
  })

  it('takes its time before an agent learns anything, where practice asks for it', async () => {
    const alone = await host.alone(model.digest, device(phone, 0.5))
    expect(alone).toBeDefined()
    if (alone === undefined) return
    const training = { episodes: 2, seed: 1, thorough: true }
    const first = await host.practise(model.digest, room(), DEFAULT_PLANNING, alone, training)
    expect(first.curve).toEqual([])
    expect(first.found?.chosen.plan.predicted.latencyMs).toBeLessThan(alone.predicted.latencyMs)
    const best = first.found?.chosen.plan ?? alone
    const again = await host.practise(model.digest, room(), DEFAULT_PLANNING, best, training)
    expect(again.curve.length).toBeGreaterThan(0)
    // What was learned carries the exits that the planner would give it, and is told of even when it is not worth a trial.
    const { found } = again
    expect(found?.by).toBe('learning')
    expect(found?.chosen.plan).toMatchObject({ method: 'learned', model: model.digest })
    expect(found?.chosen.plan.exits.length).toBeGreaterThan(0)
    expect((found?.currentMs ?? 0) / best.predicted.latencyMs).toBeCloseTo(1, 1)
  })

  it('outlines a model as the page shows it', () => {
    expect(model.points.length).toBe(model.segments.length + 1)
    expect(model.segments.reduce((sum, { macs }) => sum + macs, 0)).toBeGreaterThan(1e8)
  })

  it('sends a slow device the network away, and keeps a plan that is still as good', async () => {
    const first = await host.automatically(model.digest, room(), withoutExits, undefined)
    expect(where(first.plan)).toContain(laptop)
    const again = await host.automatically(model.digest, room(0.51), withoutExits, first.plan)
    expect(again.plan.volumes).toEqual(first.plan.volumes)
    const alone = await host.alone(model.digest, device(phone, 0.5))
    expect(alone && where(alone)).toEqual([phone])
  })

  it('leaves a plan that was measured better than predicted only for one that beats what was measured', async () => {
    const alone = await host.byHand(model.digest, room(), wholeHere(model))
    const replaced = async (trust?: number) =>
      (await host.automatically(model.digest, room(), withoutExits, alone.plan, trust)).plan.volumes !==
      alone.plan.volumes
    expect(await replaced()).toBe(true)
    expect(await replaced(0.05)).toBe(false)
  })

  it('plans with the thinned trunks of a package', () => plansThin(host))

  it('learns from times measured under a known load how load slows a helper, and not that the helper is slow', async () => {
    const loaded = (load: number): Topology => {
      const { devices, ...rest } = room(0.5, 8)
      return { ...rest, devices: devices.map((one) => (one.id === laptop ? { ...one, load } : one)) }
    }
    const predicted = async (load: number) => {
      const { plan } = await host.automatically(model.digest, loaded(load), withoutExits, undefined)
      return { plan, ms: plan.predicted.latencyMs }
    }
    const [free, believed] = [await predicted(0), await predicted(0.75)]
    expect(believed.ms).toBeGreaterThan(1.5 * free.ms)
    const { volumes } = free.plan
    const [first] = volumes
    if (first === undefined) throw new Error('a plan has a volume')
    // Three quarters of load cost the whole network a fifth there.
    const macs = model.segments.reduce((sum, segment) => sum + segment.macs, 0)
    let drift = { ratio: 1 }
    for (let i = 0; i < 8; i++) {
      const { from } = first
      const to = volumes.at(-1)?.to ?? from
      const ms = 1.2 * (macs / 8e6)
      const one: Observed = { kind: 'compute', device: laptop, backend: 'ort-wasm', from, to, ms }
      drift = await host.observe(model.digest, loaded(0.75), [one])
    }
    expect(drift.ratio).toBeGreaterThan(2)
    const [freeAgain, now] = [await predicted(0), await predicted(0.75)]
    expect(freeAgain.ms).toBeCloseTo(free.ms, 6)
    expect(now.ms / free.ms).toBeGreaterThan(1.02)
    expect(now.ms / free.ms).toBeLessThan(1.3)
  })

  it('counts the start window of links that are used with pauses, as real transfers show it', async () => {
    const far: Topology = { ...room(0.2, 40), links: [{ a: phone, b: laptop, rttMs: 60, mbitPerSecond: 100 }] }
    const best = async () =>
      (await host.automatically(model.digest, far, withoutExits, undefined)).plan.predicted.latencyMs
    const cold = new LinkModel({ rttMs: 60, mbitPerSecond: 100, startWindowBytes: 4_800 })
    const transfers = (idleMs: number) =>
      [3_000, 9_000, 20_000, 64_000, 8_000, 30_000, 120_000, 15_000].flatMap((bytes) =>
        [[phone, laptop] as const, [laptop, phone] as const].map(([from, to]) => {
          return { kind: 'transfer', from, to, bytes, ms: cold.messageMs(bytes), idleMs } as const
        }),
      )
    const before = await best()
    await host.observe(model.digest, far, transfers(30))
    expect(await best()).toBe(before)
    await host.observe(model.digest, far, transfers(20_000))
    await host.observe(model.digest, far, transfers(20_000))
    expect(await best()).toBeGreaterThan(before + 20)
    for (let i = 0; i < 3; i++) await host.observe(model.digest, far, transfers(30))
    expect(await best()).toBe(before)
  })

  it('learns from requests what messages cost this device, and predicts by it', async () => {
    const best = () => host.automatically(model.digest, room(), withoutExits, undefined)
    const { plan } = await best()
    expect(where(plan)).toContain(laptop)
    const { latencyMs } = plan.predicted
    const means = (ms: number, of = plan): Observed[] => [
      { kind: 'requests', plan: of, count: 8, ms, exits: new Map() },
    ]
    const { ratio } = await host.observe(model.digest, room(), means(0.7 * latencyMs))
    expect(ratio).toBeGreaterThan(1.2)
    expect((await best()).plan.predicted.latencyMs / latencyMs).toBeCloseTo(0.7, 1)
    for (let i = 0; i < 30; i++) await host.observe(model.digest, room(), means(0.8 * latencyMs))
    expect((await best()).plan.predicted.latencyMs / latencyMs).toBeCloseTo(0.8, 1)
    // Another device's messages are its own.
    const other = { ...room(), initiator: laptop }
    const [there, now] = [await visit(undefined), host].map((planning) =>
      planning.automatically(model.digest, other, withoutExits, undefined),
    ) as [Promise<ChosenPlan>, Promise<ChosenPlan>]
    expect((await now).plan.predicted.latencyMs).toBe((await there).plan.predicted.latencyMs)
  })

  it('forgets what one mean said of messages when none are sent any more', async () => {
    const { plan } = await host.automatically(model.digest, room(), withoutExits, undefined)
    // Of another kind: only what is known of messages counts there.
    const [first, last] = [model.points[1], model.points.at(-1)].map((point) => point?.tensor ?? ('' as never))
    const steps = [
      { device: phone, to: first as never },
      { device: laptop, to: last as never },
    ]
    const sent = async () =>
      (await host.byHand(model.digest, room(), { plan: steps, exits: false })).plan.predicted.latencyMs
    const latencyMs = await sent()
    const mean = (of: Plan, ms: number): Observed => ({ kind: 'requests', plan: of, count: 8, ms, exits: new Map() })
    // Little more than messages can explain, so that hardly anything is left for the kind.
    await host.observe(model.digest, room(), [mean(plan, 1.8 * plan.predicted.latencyMs)])
    expect(await sent()).toBeGreaterThan(1.2 * latencyMs)
    // Requests on another model's plan, which was in use a moment ago, say nothing of this one.
    await host.observe(model.digest, room(), [mean({ ...plan, model: modelDigest('0'.repeat(64)) }, latencyMs)])
    expect(await sent()).toBeGreaterThan(1.2 * latencyMs)
    const here = await host.byHand(model.digest, room(), wholeHere(model))
    await host.observe(model.digest, room(), [mean(here.plan, here.plan.predicted.latencyMs)])
    // But for half of what was left to the other kind.
    expect(await sent()).toBeLessThan(1.03 * latencyMs)
  })

  it('leaves a plan whose requests take far longer than its parts, and tries it again in time', async () => {
    const best = () => host.automatically(model.digest, even, withoutExits, undefined)
    const even = room(2, 4)
    const { plan } = await best()
    expect(where(plan)).toContain(laptop)
    const mean = (of: Plan, ms: number): Observed => ({ kind: 'requests', plan: of, count: 8, ms, exits: new Map() })
    const { ratio } = await host.observe(model.digest, even, [mean(plan, 5 * plan.predicted.latencyMs)])
    expect(ratio).toBeGreaterThan(2)
    const other = (await best()).plan
    expect(planKind(other, phone).id).not.toBe(planKind(plan, phone).id)
    expect(other.predicted.latencyMs).toBeLessThan(2.5 * plan.predicted.latencyMs)
    const here = (await host.byHand(model.digest, even, wholeHere(model))).plan
    let means = 0
    for (; planKind((await best()).plan, phone).id !== planKind(plan, phone).id && means < 500; means++)
      await host.observe(model.digest, even, [mean(here, here.predicted.latencyMs)])
    expect(means).toBeGreaterThan(5)
    expect(means).toBeLessThan(500)
  })

  it('says so where plans of a kind take longer than their parts', async () => {
    const strong = room(8, 0.5)
    const { plan } = await host.automatically(model.digest, strong, withoutExits, undefined)
    expect(where(plan)).toEqual([phone])
    const ms = 1.3 * plan.predicted.latencyMs
    await host.observe(model.digest, strong, [{ kind: 'requests', plan, count: 8, ms, exits: new Map() }])
    const { plan: now, words } = await host.automatically(model.digest, strong, withoutExits, plan)
    expect(words).toContain('such plans took 30 % longer here than their parts explain')
    expect(now.predicted.latencyMs).toBeCloseTo(ms, 3)
    // A device that has measured itself anew is predicted anew, by the first plan already.
    const anew = await host.automatically(model.digest, room(8.01, 0.5), withoutExits, plan)
    expect(anew.words).toHaveLength(words.length - 1)
    expect(anew.plan.predicted.latencyMs).toBeLessThan(1.01 * plan.predicted.latencyMs)
  })

  it('predicts a load that has come since as for any other plan', async () => {
    const strong = (load: number): Topology => {
      const { devices, ...rest } = room(8, 0.5)
      return { ...rest, devices: devices.map((one) => (one.id === phone ? { ...one, load } : one)) }
    }
    const { plan } = await host.automatically(model.digest, strong(0), withoutExits, undefined)
    const { latencyMs: ms } = plan.predicted
    await host.observe(model.digest, strong(0), [{ kind: 'requests', plan, count: 8, ms, exits: new Map() }])
    const loaded = await host.byHand(model.digest, strong(0.75), wholeHere(model))
    expect(loaded.plan.predicted.latencyMs).toBeGreaterThan(2 * ms)
  })

  it('learns from measured times that a helper is slower than it says, and plans anew', async () => {
    const weak = room(2, 4)
    const { plan } = await host.automatically(model.digest, weak, withoutExits, undefined)
    expect(where(plan)).toContain(laptop)
    let ratio = 1
    for (let i = 0; i < 40; i++) {
      const slow = runs(plan, (by) => (by === laptop ? 400 : 23))
      ratio = (await host.observe(model.digest, weak, slow)).ratio
    }
    expect(ratio).toBeGreaterThan(2)
    const learned = await host.automatically(model.digest, weak, withoutExits, undefined)
    expect(learned.plan.volumes).not.toEqual(plan.volumes)
    expect(where(learned.plan)).toContain(phone)
    expect(learned.plan.predicted.latencyMs).toBeGreaterThan(1.2 * plan.predicted.latencyMs)
    // The drift counts from the newest plan.
    expect((await host.observe(model.digest, weak, [])).ratio).toBe(1)
    // A helper that has measured itself anew is believed again.
    const again = await host.automatically(model.digest, room(2, 4.01), withoutExits, undefined)
    expect(again.plan.predicted.latencyMs).toBeLessThan(1.2 * plan.predicted.latencyMs)
  })

  it('learns nothing of a throttled helper from times between its bursts and what it sustains', async () => {
    const throttled = (burst: number) => {
      const { devices, ...rest } = room(0.5, 1)
      return {
        ...rest,
        devices: devices.map((one) => ({ ...one, backends: one.backends.map((b) => ({ ...b, burst })) })),
      }
    }
    const from = model.points[0]?.tensor ?? ('' as never)
    const at = model.points[1]
    const to = at?.tensor ?? ('' as never)
    const sustainedMs = (model.segments[0]?.macs ?? 0) / 1e6
    const ratioOf = async (burst: number, ms: number) => {
      const fresh = await visit(undefined)
      await fresh.automatically(model.digest, throttled(burst), withoutExits, undefined)
      const one: Observed = { kind: 'compute', device: laptop, backend: 'ort-wasm', from, to, ms }
      return (await fresh.observe(model.digest, throttled(burst), [one])).ratio
    }
    expect(await ratioOf(4, sustainedMs / 2)).toBeCloseTo(1, 6)
    expect(await ratioOf(1, sustainedMs / 2)).toBeGreaterThan(1.5)
    expect(await ratioOf(4, sustainedMs * 3)).toBeGreaterThan(1.5)
  })

  it('gives back what it learned of this device, for the next visit', async () => {
    expect(await host.learned(phone)).toBeUndefined()
    await slowAlone(host, model, 0, 40)
    const learned = await host.learned(phone)
    expect(learned?.backends['ort-wasm']?.factor).toBeGreaterThan(1.2)
    const later = deviceId('phone, later')
    const next = await visit(learned, later)
    expect(await next.learned(later)).toEqual(learned)
  })

  it('remembers how load slows this device down, until the device is measured anew', async () => {
    await slowAlone(host, model, 0.5, 12)
    const learned = await host.learned(phone)
    expect(learned?.backends['ort-wasm']?.loaded).toHaveLength(12)
    const [stranger, sameAgain, measuredAnew] = [await visit(undefined), await visit(learned), await visit(learned)]
    const known = await aloneMs(host, model)
    expect(Math.abs(known / (await aloneMs(stranger, model)) - 1)).toBeGreaterThan(0.05)
    expect(await aloneMs(sameAgain, model)).toBeCloseTo(known, 6)
    expect(await aloneMs(measuredAnew, model, 0.51)).toBeCloseTo(await aloneMs(stranger, model, 0.51), 6)
  })

  it('lets what this visit has seen count more than what an earlier one has', async () => {
    await slowAlone(host, model, 0, 40)
    const learned = await host.learned(phone)
    const half = { speed: speedKey(device(phone, 0.5).backends[0]), factor: 0.5, loaded: [] }
    await host.recall(phone, { version: 1, backends: { 'ort-wasm': half } })
    expect(await host.learned(phone)).toEqual(learned)
  })
})

describe('WorkerPlanning', () => {
  /** Workers in this thread; `crash` ends the newest. */
  function workers() {
    let crash: (text: string) => void = () => {}
    let started = 0
    const spawn = (): WorkerPort => {
      started++
      let toMain: (message: unknown) => void = () => {}
      let toHost: (message: unknown) => void = () => {}
      const host = {
        post: (message: unknown) => queueMicrotask(() => toMain(structuredClone(message))),
        onMessage: (listener: (message: unknown) => void) => {
          toHost = listener
        },
      }
      serveCalls(host, planningHandlers(new PlanningHost()), () => [])
      return {
        post: (message) => queueMicrotask(() => toHost(structuredClone(message))),
        onMessage: (listener) => {
          toMain = listener
        },
        onCrash: (listener) => {
          crash = listener
        },
        terminate: () => {},
      }
    }
    return { spawn, crash: (text: string) => crash(text), started: () => started }
  }

  it('plans with the thinned trunks of a package', () =>
    plansThin(new WorkerPlanning(new VirtualClock(), workers().spawn)))

  it('plans as the host does, and keeps the names of errors', async () => {
    const planning = new WorkerPlanning(new VirtualClock(), workers().spawn)
    const model = await opened(planning)
    const { plan, words } = await planning.automatically(model.digest, room(), withoutExits, undefined)
    expect(where(plan)).toContain(laptop)
    expect(words[0]).toMatch(/to the end|alone/)
    await expect(
      planning.byHand(model.digest, room(), { plan: [{ device: phone, to: 'nowhere' as never }], exits: true }),
    ).rejects.toMatchObject({ name: 'PlanError', reason: 'inconsistent' })
  })

  it('goes on with a new worker after a crash, models included', async () => {
    const made = workers()
    const planning = new WorkerPlanning(new VirtualClock(), made.spawn)
    const model = await opened(planning)
    const before = planning.alone(model.digest, device(phone, 1))
    made.crash('out of memory')
    await expect(before).rejects.toMatchObject({ reason: 'lost' })
    expect(await planning.alone(model.digest, device(phone, 1))).toBeDefined()
    expect(made.started()).toBe(2)
  })

  it('tells a new worker what was known of this device', async () => {
    const made = workers()
    const planning = new WorkerPlanning(new VirtualClock(), made.spawn)
    const model = await opened(planning)
    await slowAlone(planning, model, 0.5, 6)
    const learned = await planning.learned(phone)
    expect(learned).toBeDefined()
    made.crash('out of memory')
    await planning.alone(model.digest, device(phone, 1))
    expect(await planning.learned(phone)).toEqual(learned)
  })

  it('answers nothing after it was disposed', async () => {
    const planning = new WorkerPlanning(new VirtualClock(), workers().spawn)
    const model = await opened(planning)
    await planning[Symbol.asyncDispose]()
    await expect(planning.alone(model.digest, device(phone, 1))).rejects.toMatchObject({ reason: 'disposed' })
  })
})
