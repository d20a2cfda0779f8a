import { deviceId, seededRandom, VirtualClock } from '@roomful/core'
import { type FeatureMap, verdictOf } from '@roomful/tensor'
import { describe, expect, it } from 'vitest'
import type { StagePart } from '../model/staged-model.ts'
import { FakeEngine, fakeEngines } from '../testing/fake-engine.ts'
import { MiniNet } from '../testing/mini-net.ts'
import { CancelledRequests } from './cancelled.ts'
import { FairQueue, type JobOwner } from './fair-queue.ts'
import { LoadMeter } from './load-meter.ts'
import { LoadReporter } from './load-reporter.ts'
import { SessionPool } from './session-pool.ts'

const a = deviceId('a')
const b = deviceId('b')
const [byA, byB]: readonly [JobOwner, JobOwner] = [
  { owner: a, request: 0 },
  { owner: b, request: 0 },
]

describe('the fair queue', () => {
  const gate = () => {
    let open = () => {}
    const wait = new Promise<void>((resolve) => {
      open = resolve
    })
    return { wait, open }
  }

  it('takes turns among owners, in order of arrival within each', async () => {
    const queue = new FairQueue()
    const order: string[] = []
    const first = gate()
    const job = (by: JobOwner, name: string) => queue.run(by, async () => void order.push(name))
    const running = queue.run(byA, () => first.wait)
    const rest = [job(byA, 'a1'), job(byA, 'a2'), job(byA, 'a3'), job(byB, 'b1'), job(byB, 'b2')]
    expect(queue.waiting).toBe(5)
    first.open()
    await Promise.all([running, ...rest])
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2', 'a3'])
    expect([queue.waiting, queue.busy]).toEqual([0, false])
  })

  it('drops a job that is aborted while it waits, refuses too many, and goes on after a failure', async () => {
    const queue = new FairQueue(2)
    const first = gate()
    const stop = new AbortController()
    const running = queue.run(byA, () => first.wait)
    const aborted = queue.run(byA, async () => 'never', stop.signal)
    const failing = queue.run(byA, async () => {
      throw new Error('broken')
    })
    await expect(queue.run(byA, async () => 0)).rejects.toMatchObject({ reason: 'overloaded' })
    const other = queue.run(byB, async () => 'other')
    stop.abort(new Error('stop'))
    await expect(aborted).rejects.toThrow('stop')
    first.open()
    await running
    await expect(failing).rejects.toThrow('broken')
    expect(await other).toBe('other')
    await expect(queue.run(byB, async () => 0, stop.signal)).rejects.toThrow('stop')
  })
})

describe('a job of the fair queue', () => {
  it('goes before those of later requests of its initiator, and is not told of them', async () => {
    const queue = new FairQueue()
    const order: string[] = []
    const told: boolean[] = []
    const job = (by: JobOwner, name: string) => queue.run(by, async () => void order.push(name))
    let finish = () => {}
    const running = queue.run({ ...byA, request: 1 }, async (crowded) => {
      const wait = new Promise<void>((resolve) => {
        finish = resolve
      })
      const rest = [
        job({ ...byA, request: 2 }, 'a2'),
        job({ ...byA, request: 3 }, 'a3'),
        job({ ...byA, request: 2 }, 'a2 again'),
      ]
      told.push(crowded.aborted)
      rest.push(job({ ...byA, request: 0 }, 'a0'))
      told.push(crowded.aborted)
      rest.push(job({ ...byB, request: 4 }, 'b4'))
      await wait
      return rest
    })
    finish()
    await Promise.all(await running)
    expect(order).toEqual(['a0', 'b4', 'a2', 'a2 again', 'a3'])
    expect(told).toEqual([false, true])
  })

  it('is told when another one waits: from the start, or as soon as it comes', async () => {
    const queue = new FairQueue()
    const told: boolean[] = []
    let finish = () => {}
    const first = queue.run(byA, async (crowded) => {
      told.push(crowded.aborted)
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      told.push(crowded.aborted)
    })
    const second = queue.run(byB, async (crowded) => void told.push(crowded.aborted))
    const third = queue.run(byB, async (crowded) => void told.push(crowded.aborted))
    finish()
    await Promise.all([first, second, third])
    expect(told).toEqual([false, true, true, false])
  })
})

describe('the session pool', () => {
  const net = new MiniNet({ random: seededRandom(1), strides: [1, 1] })
  const part: StagePart = { trunk: 'main', from: 'x', to: 't1' }
  function setup(sessions: number) {
    const clock = new VirtualClock()
    const engine = new FakeEngine({
      clock,
      backend: 'ort-wasm',
      program: () => ({
        inputs: ['x'],
        outputs: ['t1'],
        costMs: 1,
        buildMs: 10,
        run: (inputs) => ({ t1: inputs['x'] as FeatureMap }),
      }),
    })
    return { clock, engine, pool: new SessionPool(fakeEngines([engine]), { sessions }) }
  }

  it('builds one session for all who need the same part, and disposes it after the last', async () => {
    const { clock, engine, pool } = setup(0)
    const leases = await clock.runUntil(
      Promise.all([pool.acquire(net, part, 'ort-wasm'), pool.acquire(net, part, 'ort-wasm')]),
    )
    expect(leases[0]?.session).toBe(leases[1]?.session)
    leases[0]?.release()
    leases[0]?.release()
    expect(engine.sessions).toBe(1)
    leases[1]?.release()
    await clock.advance(1)
    expect([engine.sessions, pool.size]).toEqual([0, 0])
  })

  it('keeps some warm, the latest used ones', async () => {
    const { clock, engine, pool } = setup(1)
    for (const to of ['t1', 't2']) {
      const lease = await clock.runUntil(pool.acquire(net, { ...part, to }, 'ort-wasm'))
      lease.release()
    }
    await clock.advance(1)
    expect(engine.sessions).toBe(1)
    await pool[Symbol.asyncDispose]()
    expect(engine.sessions).toBe(0)
  })

  it('stops a build that nobody wants any more', async () => {
    const { clock, engine, pool } = setup(4)
    const stop = new AbortController()
    const wanted = pool.acquire(net, part, 'ort-wasm', stop.signal)
    await clock.advance(5)
    stop.abort(new Error('no plan'))
    await expect(clock.runUntil(wanted)).rejects.toThrow('no plan')
    expect([engine.sessions, pool.size, clock.pending]).toEqual([0, 0, 0])
  })

  it('forgets the sessions of a backend that is lost', async () => {
    const { clock, engine, pool } = setup(4)
    const lease = await clock.runUntil(pool.acquire(net, part, 'ort-wasm'))
    engine.lose()
    await clock.advance(1)
    expect(pool.size).toBe(0)
    lease.release()
    await expect(clock.runUntil(pool.acquire(net, part, 'ort-wasm'))).rejects.toMatchObject({ reason: 'unavailable' })
  })
})

describe('load', () => {
  it('is the share of the window that work for others took', async () => {
    const clock = new VirtualClock()
    const meter = new LoadMeter(clock, 1000)
    await clock.advance(1000)
    meter.add(500, 1000)
    expect(meter.load).toBeCloseTo(0.5)
    await clock.advance(750)
    expect(meter.load).toBeCloseTo(0.25)
    await clock.advance(1000)
    expect(meter.load).toBe(0)
  })

  it('is reported when it changes, not for own work, and once more when it is over', async () => {
    const clock = new VirtualClock()
    const told: number[] = []
    const reporter = new LoadReporter({
      clock,
      self: a,
      queued: () => 0,
      report: (load) => told.push(load),
      windowMs: 2000,
    })
    await clock.advance(2000)
    reporter.worked(a, 1000, 2000)
    expect(told).toEqual([])
    reporter.worked(b, 1000, 2000)
    reporter.worked(b, 1990, 2000)
    expect(told).toEqual([0.5])
    await clock.advance(10_000)
    expect(told.at(-1)).toBe(0)
    expect(clock.pending).toBe(0)
    reporter.close()
  })
})

describe('verdicts', () => {
  it('are the calibrated softmax', () => {
    const logits = { dtype: 'float32', dims: [1, 3], data: Float32Array.of(1, 3, 2) } as const
    const { labelIndex, confidence, probabilities } = verdictOf(logits, 2)
    const e = [0.5, 1.5, 1].map(Math.exp)
    const sum = e.reduce((x, y) => x + y)
    expect(labelIndex).toBe(1)
    expect(confidence).toBeCloseTo((e[1] ?? 0) / sum, 12)
    expect([...probabilities].map((p) => p * sum)).toEqual(e.map((x) => expect.closeTo(x, 5)))
  })

  it('do not overflow', () => {
    const logits = { dtype: 'float32', dims: [1, 2], data: Float32Array.of(1e4, -1e4) } as const
    expect(verdictOf(logits, 0.01).confidence).toBe(1)
  })
})

it('cancelled requests are remembered per initiator, the oldest forgotten first', () => {
  const cancelled = new CancelledRequests(2)
  for (const id of ['r1', 'r2', 'r3']) cancelled.add(a, id as never)
  expect(['r1', 'r2', 'r3'].map((id) => cancelled.has(a, id as never))).toEqual([false, true, true])
  expect(cancelled.has(b, 'r3' as never)).toBe(false)
})
