import { type Clock, type DeviceId, deviceId, type Span, seededRandom, type Trace } from '@roomful/core'
import type { StageSession } from '@roomful/engine'
import { encodeSpans } from '@roomful/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../stage/worker-limits.ts'
import { MiniNet } from '../testing/mini-net.ts'
import { type MiniDevice, MiniRoom, planOf } from '../testing/mini-room.ts'
import type { PictureCodec } from '../wire/picture-codec.ts'
import type { Measurement } from './measurements.ts'
import { placeSpans } from './place-spans.ts'
import type { PictureInput } from './request-input.ts'
import type { TopologyChange } from './topology-change.ts'

const net = new MiniNet({ random: seededRandom(3), strides: [1, 1, 2, 1], height: 14, width: 6, exits: [1] })
let room: MiniRoom
let changes: TopologyChange[]
let measured: Measurement[]

async function setup(options: Partial<ConstructorParameters<typeof MiniRoom>[0]> = {}) {
  changes = []
  measured = []
  room = new MiniRoom({
    net,
    ...options,
    runtime: {
      onTopologyChange: (change) => changes.push(change),
      onMeasurement: (one) => measured.push(one),
      ...options.runtime,
    },
  })
  return (await room.joinAll('a', 'b', 'c')) as [MiniDevice, MiniDevice, MiniDevice]
}

afterEach(async () => {
  if (room === undefined) return
  await room.close()
  await room.clock.advance(20_000)
  expect(room.clock.pending).toBe(0)
})

const split = planOf(net, [
  ['t1', ['a']],
  ['t3', ['b']],
  ['logits', ['c']],
])

describe('traces', () => {
  it('are told once more with what was reported after the answer', async () => {
    const traces: Trace[] = []
    const [a, b] = await setup({ speed: () => 100, runtime: { onTraced: (trace) => traces.push(trace) } })
    await room.until(a.runtime.install(split))
    // What b reports takes longer than what c answers.
    room.network.setLink(a.id, b.id, { rttMs: 400 })
    const { trace } = await room.until(a.runtime.infer({ tensor: room.picture() }))
    await room.clock.advance(1_500)
    const [whole] = traces
    const computedBy = (of: Trace | undefined) =>
      new Set((of?.spans ?? []).filter(({ kind }) => kind === 'compute').map(({ device }) => device as string))
    expect(computedBy(trace)).toEqual(new Set(['a', 'c']))
    expect(computedBy(whole)).toEqual(new Set(['a', 'b', 'c']))
    expect(traces).toHaveLength(1)
    expect([whole?.request, whole?.totalMs]).toEqual([trace.request, trace.totalMs])
    expect(measured.filter(({ kind }) => kind === 'compute')).toHaveLength(3)
  })

  it('are not told again where the answer came last, and are learned from once', async () => {
    const traces: Trace[] = []
    const [a] = await setup({ runtime: { onTraced: (trace) => traces.push(trace) } })
    await room.until(a.runtime.install(planOf(net, [['logits', ['c']]])))
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    await room.clock.advance(1_500)
    expect(traces).toEqual([])
    expect(measured.filter(({ kind }) => kind === 'compute')).toHaveLength(1)
  })
})

describe('changing plans', () => {
  it('does not switch to a plan that was given up, however near it was, and keeps nothing of it', async () => {
    const [a] = await setup()
    let [current] = await room.until(a.runtime.install(split))
    const ends: string[] = []
    for (let ms = 0; ms < 12; ms += 0.5) {
      const controller = new AbortController()
      const changing = a.runtime.install(split, { signal: controller.signal })
      const stop = room.clock.after(ms, () => controller.abort(new Error('enough')))
      const end = await room.until(changing.catch((error: unknown) => (error as Error).message))
      stop()
      if (typeof end !== 'string') current = end[0]
      ends.push(typeof end === 'string' ? end : 'switched')
      expect(a.runtime.current).toEqual([current])
      await room.clock.advance(1_000)
      expect([...room.devices.values()].map(({ runtime }) => runtime.counts.worker.plans)).toEqual([1, 1, 1])
    }
    expect(new Set(ends)).toEqual(new Set(['enough', 'switched']))
  })

  it('switches when all are ready, and requests in flight end on the old plan', async () => {
    const [a] = await setup({ speed: () => 100 })
    const [first] = await room.until(a.runtime.install(split))
    const answer = a.runtime.infer({ tensor: room.picture() })
    const changing = a.runtime.install(
      planOf(net, [
        ['t2', ['b']],
        ['logits', ['c']],
      ]),
    )
    const during = a.runtime.infer({ tensor: room.picture() })
    const [second] = await room.until(changing)
    expect((await room.until(answer)).plan).toBe(first?.planId)
    expect((await room.until(during)).plan).toBe(first?.planId)
    expect((await room.until(a.runtime.infer({ tensor: room.picture() }))).plan).toBe(second?.planId)
    await room.clock.advance(500)
    // Nothing of the old plan is left: b and c hold the new one only.
    for (const name of ['b', 'c']) expect(room.devices.get(name)?.runtime.counts.worker.plans).toBe(1)
  })

  it('drops a device that cannot prepare, with its reason, and keeps the plan in use', async () => {
    const [a, , c] = await setup()
    const [current] = await room.until(a.runtime.install(planOf(net, [['logits', ['b']]])))
    c.engines.all[0]?.lose()
    const attempt = room.until(a.runtime.install(split))
    await expect(attempt).rejects.toMatchObject({ reason: 'prepare-failed', devices: ['c'] })
    expect(changes).toContainEqual({ device: 'c', what: 'dropped', detail: expect.stringContaining('ort-wasm') })
    expect(a.runtime.current).toEqual([current])
    await room.clock.advance(500)
    expect(room.devices.get('b')?.runtime.counts.worker.plans).toBe(1)
    expect((await room.until(a.runtime.infer({ tensor: room.picture() }))).plan).toBe(current?.planId)
  })

  it('gives a device that never answers up after its time', async () => {
    const [a, b] = await setup({ runtime: { prepareTimeoutMs: 1500 } })
    room.network.silence(a.id, b.id)
    await expect(room.until(a.runtime.install(split))).rejects.toMatchObject({
      reason: 'prepare-failed',
      devices: ['b'],
    })
  })

  it('respects a device that does not lend its compute', async () => {
    const [a] = await setup({ runtime: { mayServe: (from) => from !== deviceId('a') } })
    await expect(room.until(a.runtime.install(split))).rejects.toThrow('does not lend')
  })

  it('the last plan asked for rules', async () => {
    const [a] = await setup()
    const slow = a.runtime.install(split)
    const fast = a.runtime.install(planOf(net, [['logits', ['a']]]))
    const outcomes = await room.until(Promise.allSettled([slow, fast]))
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(a.runtime.current[0]?.plan.volumes).toHaveLength(1)
  })

  it('releases everything over 1,000 plan changes', async () => {
    const [a] = await setup()
    const plans = [
      split,
      planOf(net, [
        ['t2', ['b', 0, 5], ['c', 5, 14]],
        ['logits', ['a']],
      ]),
      planOf(net, [
        ['t1', ['c']],
        ['logits', ['b']],
      ]),
      planOf(net, [['logits', ['a']]]),
    ]
    for (let i = 0; i < 1000; i++) {
      const change = a.runtime.install(plans[i % plans.length] ?? split)
      if (i % 50 === 0) await room.until(change.then(() => a.runtime.infer({ tensor: room.picture() })))
      else await room.until(change)
    }
    await room.clock.advance(2000)
    for (const { runtime, engines } of room.devices.values()) {
      expect(runtime.counts.worker.plans).toBeLessThanOrEqual(1)
      // What is in use and at most four that are kept warm.
      expect(engines.all[0]?.sessions).toBeLessThanOrEqual(5)
    }
  }, 60_000)

  it('a schedule sends whole frames in turns', async () => {
    const [a] = await setup()
    await room.until(
      a.runtime.install([
        { plan: planOf(net, [['logits', ['b']]]), share: 2 },
        { plan: planOf(net, [['logits', ['c']]]), share: 1 },
      ]),
    )
    const used: string[] = []
    for (let i = 0; i < 6; i++) {
      const { trace } = await room.until(a.runtime.infer({ tensor: room.picture() }))
      used.push(trace.spans.find((span) => span.kind === 'compute')?.device ?? '')
    }
    expect(used).toEqual(['b', 'c', 'b', 'b', 'c', 'b'])
  })
})

describe('several initiators', () => {
  it('share a helper fairly, and it reports the load they put on it', async () => {
    const [a, , c] = await setup({ speed: (id) => (id === 'b' ? 200 : 1), link: { rttMs: 1 } })
    for (const device of [a, c])
      await room.until(device.runtime.install(planOf(net, [['logits', ['b']]], { fullMs: 2000 })))
    const order: string[] = []
    const ask = (device: MiniDevice, count: number) =>
      Array.from({ length: count }, () =>
        device.runtime.infer({ tensor: room.picture() }, { deadlineMs: 60_000 }).then(() => order.push(device.id)),
      )
    const many = ask(a, 8)
    await room.clock.advance(5)
    const few = ask(c, 3)
    await room.until(Promise.all([...many, ...few]))
    expect(order.indexOf('c')).toBeLessThanOrEqual(2)
    expect(order.lastIndexOf('c')).toBeLessThan(8)
    expect(changes.some(({ device, what }) => device === 'b' && what === 'load')).toBe(true)
    await room.clock.advance(10_000)
    expect(changes.filter(({ what }) => what === 'load').at(-1)).toMatchObject({ load: 0, queued: 0 })
  })

  it('one asks more at once than runs at once: all are answered in their order, and none later than its deadline', async () => {
    const [a] = await setup({ speed: () => 20 })
    for (const device of ['a', 'b']) {
      await room.until(a.runtime.install(planOf(net, [['logits', [device]]], { fullMs: 2000 })))
      const order: number[] = []
      const ask = (index: number) =>
        a.runtime.infer({ tensor: room.picture() }, { deadlineMs: 60_000 }).then(({ trace }) => {
          order.push(index)
          return trace
        })
      const traces = await room.until(Promise.all(Array.from({ length: 40 }, (_, index) => ask(index))))
      expect(traces.filter(({ recovered }) => recovered?.includes('under way'))).toEqual([])
      // What is late at a helper is completed a second time, here and sooner.
      if (device === 'a') expect(order).toEqual(order.toSorted((x, y) => x - y))
      const [queued] = traces.at(-1)?.spans ?? []
      expect(queued).toMatchObject({ kind: 'queue', startMs: 0 })
    }
    const late = Array.from({ length: 40 }, () =>
      a.runtime.infer({ tensor: room.picture() }, { deadlineMs: 30 }).catch((error: unknown) => error),
    )
    const ends = await room.until(Promise.all(late))
    expect(ends.at(-1)).toMatchObject({ reason: 'deadline' })
    const stop = new AbortController()
    const cancelled = Array.from({ length: 20 }, () => a.runtime.infer({ tensor: room.picture() }, stop))
    stop.abort(new DOMException('no', 'AbortError'))
    for (const end of await Promise.allSettled(cancelled)) expect(end).toMatchObject({ reason: { name: 'AbortError' } })
    const waiting = Array.from({ length: 20 }, () =>
      a.runtime.infer({ tensor: room.picture() }).catch((error: unknown) => error),
    )
    await a.runtime[Symbol.asyncDispose]()
    for (const end of await Promise.all(waiting)) expect(end).toMatchObject({ reason: 'closed' })
  })

  it('more than so many waiting are refused at once', async () => {
    const [a] = await setup({ speed: () => 20 })
    await room.until(a.runtime.install(planOf(net, [['logits', ['a']]])))
    const ends = Array.from({ length: 273 }, () =>
      a.runtime.infer({ tensor: room.picture() }, { deadlineMs: 600_000 }).catch((error: unknown) => error),
    )
    expect(await ends[272]).toMatchObject({ reason: 'overloaded' })
    expect((await room.until(Promise.all(ends))).filter((end) => end instanceof Error)).toHaveLength(1)
  })

  it('an answer that comes after the deadline is none, however late the timer is', async () => {
    const deadlineMs = 10
    const clock: Clock = {
      now: () => room.clock.now(),
      after: (ms, callback) => room.clock.after(ms > deadlineMs / 2 ? ms + 10_000 : ms, callback),
    }
    const [a] = await setup({ speed: () => 20, runtime: { clock } })
    await room.until(a.runtime.install(planOf(net, [['logits', ['b']]], { fullMs: 2000 })))
    const startMs = room.clock.now()
    await expect(room.until(a.runtime.infer({ tensor: room.picture() }, { deadlineMs }))).rejects.toMatchObject({
      reason: 'deadline',
    })
    expect(room.clock.now() - startMs).toBeLessThan(10_000)
  })

  it('any deadline may be given, be it without end', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(planOf(net, [['logits', ['b']]])))
    const { trace } = await room.until(
      a.runtime.infer({ tensor: room.picture() }, { deadlineMs: Number.POSITIVE_INFINITY }),
    )
    expect(trace.recovered).toBeUndefined()
  })

  it('a helper refuses more than it can hold, and the request is completed elsewhere', async () => {
    const limits = { ...DEFAULT_LIMITS, requestsPerPlan: 2 }
    const [a] = await setup({ speed: (id) => (id === 'b' ? 300 : 100), runtime: { limits } })
    await room.until(a.runtime.install(planOf(net, [['logits', ['b']]], { fullMs: 2000 })))
    const answers = Array.from({ length: 5 }, () => a.runtime.infer({ tensor: room.picture() }))
    const results = await room.until(Promise.all(answers))
    expect(results.filter(({ trace }) => trace.recovered?.includes('under way')).length).toBeGreaterThan(0)
  })
})

describe('streams', () => {
  async function* frames(count: number, everyMs: number): AsyncGenerator<PictureInput> {
    for (let i = 0; i < count; i++) {
      await new Promise<void>((resolve) => room.clock.after(everyMs, resolve))
      yield { tensor: room.picture() }
    }
  }
  const collect = async (device: MiniDevice, everyMs: number, window: number, count = 30) => {
    const seen: number[] = []
    const startMs = room.clock.now()
    for await (const result of device.runtime.stream(frames(count, everyMs), { window })) {
      expect(result.ok).toBe(true)
      seen.push(result.frame)
    }
    return { seen, perSecond: (seen.length / (room.clock.now() - startMs)) * 1000 }
  }

  it('answers every frame in order when there is time', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(split))
    const { seen } = await room.until(collect(a, 100, 2))
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i))
  })

  it('the latest frame wins when there is not', async () => {
    const [a] = await setup({ speed: () => 400 })
    await room.until(a.runtime.install(split))
    const { seen } = await room.until(collect(a, 20, 1))
    expect(seen.length).toBeLessThan(20)
    expect(seen).toEqual(seen.toSorted((x, y) => x - y))
    expect(seen.at(-1)).toBe(29)
  })

  it('stages of a pipeline overlap: three in flight come near one answer per slowest stage', async () => {
    const [a] = await setup({ speed: () => 100, link: { rttMs: 1 }, runtime: { prefetch: false } })
    const plan = planOf(
      net,
      [
        ['t1', ['a']],
        ['t2', ['b']],
        ['logits', ['c']],
      ],
      { fullMs: 5000 },
    )
    await room.until(a.runtime.install(plan))
    const one = await room.until(collect(a, 5, 1, 600))
    const three = await room.until(collect(a, 5, 3, 600))
    const stages = plan.volumes.map(({ from, to }) => net.partMacs({ trunk: 'main', from, to }) / 100)
    const bound = 1000 / Math.max(...stages)
    expect(three.perSecond).toBeGreaterThan(0.85 * bound)
    expect(three.perSecond / one.perSecond).toBeGreaterThan(1.7)
  })

  it('ending the loop early cancels what is in flight', async () => {
    const [a] = await setup({ speed: () => 400 })
    await room.until(a.runtime.install(split))
    const first = async () => {
      for await (const result of a.runtime.stream(frames(1000, 10), { window: 3 })) return result.frame
      return -1
    }
    expect(await room.until(first())).toBe(0)
    await room.clock.advance(100)
    expect(a.runtime.counts.coordinator.requests).toBe(0)
  })
})

describe('what comes from others', () => {
  it('is ignored unless the plan gives it to them', async () => {
    const [a, b, c] = await setup({ speed: () => 100 })
    const [installed] = await room.until(
      a.runtime.install(
        planOf(net, [
          ['t1', ['a']],
          ['logits', ['b']],
        ]),
      ),
    )
    if (installed === undefined) throw new Error('no plan')
    const send = { timeoutMs: 1000 }
    const feature = {
      requestId: 'a:r1.1' as never,
      planId: installed.planId,
      initiator: a.id,
      volume: 1,
      shards: [0],
      exits: [],
      remainingMs: 1000,
      encoding: 'feature' as const,
      blobs: [new Uint8Array(20)],
    }
    await c.room.notify(b.id, 'feature', feature, send)
    await c.room.notify(b.id, 'feature', { ...feature, planId: 'a:p99' as never }, send)
    const answer = a.runtime.infer({ tensor: room.picture() })
    const lie = { requestId: 'a:r1.1' as never, planId: installed.planId, exit: 'final', confident: true }
    await c.room.notify(a.id, 'result', { ...lie, blobs: [new Uint8Array(8), new Uint8Array()] }, send)
    await c.room
      .notify(
        a.id,
        'failed',
        { ...lie, exit: undefined, error: { name: 'E', reason: 'x', message: 'y' } } as never,
        send,
      )
      .catch(() => {})
    await c.room.notify(b.id, 'cancel', { requestId: 'a:r1.1' as never }, send)
    const { trace } = await room.until(answer)
    expect(trace.recovered).toBeUndefined()
  })

  it('a report that cannot be read costs no answer', async () => {
    const [a, b] = await setup({ speed: () => 100 })
    await room.until(a.runtime.install(split))
    const answer = a.runtime.infer({ tensor: room.picture() })
    const report = { requestId: 'a:r1.1' as never, blobs: [new Uint8Array([1, 0, 9])] }
    await b.room.notify(a.id, 'spans', report, { timeoutMs: 1000 })
    const { trace } = await room.until(answer)
    expect(trace.recovered).toBeUndefined()
    expect(trace.spans.some(({ device, kind }) => device === b.id && kind === 'compute')).toBe(true)
  })

  it('reports beyond those of its stages are not kept', async () => {
    const [a, b] = await setup({ speed: () => 100 })
    await room.until(a.runtime.install(split))
    const answer = a.runtime.infer({ tensor: room.picture() })
    const lie: Span = { device: b.id, kind: 'recover', startMs: 0, endMs: 1, volume: 77 }
    const report = { requestId: 'a:r1.1' as never, blobs: [encodeSpans([lie])] }
    for (let i = 0; i < 200; i++) await b.room.notify(a.id, 'spans', report, { timeoutMs: 1000 })
    const { trace } = await room.until(answer)
    expect(trace.recovered).toBeUndefined()
    expect(trace.spans.filter(({ volume }) => volume === 77).length).toBeLessThan(10)
  })

  it('garbled rows from the plan itself end in a recovery, not in a hang', async () => {
    const [a, b] = await setup({ speed: () => 100 })
    const [installed] = await room.until(
      a.runtime.install(
        planOf(net, [
          ['t1', ['a']],
          ['logits', ['b']],
        ]),
      ),
    )
    if (installed === undefined) throw new Error('no plan')
    const answer = a.runtime.infer({ tensor: room.picture() })
    await a.room.notify(
      b.id,
      'feature',
      {
        requestId: 'a:r1.1' as never,
        planId: installed.planId,
        initiator: a.id,
        volume: 1,
        shards: [0],
        exits: [],
        remainingMs: 1000,
        encoding: 'feature',
        blobs: [new Uint8Array(20)],
      },
      { timeoutMs: 1000 },
    )
    const { trace } = await room.until(answer)
    expect(trace.recovered).toContain('b failed')
  })
})

describe('what is learned', () => {
  it('compute and transfer times come out of every trace, near the truth', async () => {
    const [a] = await setup({ speed: () => 100, link: { rttMs: 20, mbitPerSecond: 1000 } })
    await room.until(a.runtime.install(split))
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    const compute = measured.filter((one) => one.kind === 'compute')
    expect(compute.map(({ from, to }) => `${from}-${to}`)).toEqual(['x-t1', 't1-t3', 't3-logits'])
    for (const { from, to, ms } of compute) {
      // Spans travel as float32.
      expect(ms).toBeCloseTo((net.partMacs({ trunk: 'main', from, to }) / 10_000) * 100, 4)
    }
    const transfers = measured.filter((one) => one.kind === 'transfer')
    expect(transfers).toHaveLength(2)
    for (const { ms } of transfers) expect(Math.abs(ms - 10)).toBeLessThan(1)
  })

  it('requests that follow one another are told as wholes, and none after a pause or beside another', async () => {
    const [a] = await setup({ speed: () => 100 })
    await room.until(a.runtime.install(split))
    const ask = () => room.until(a.runtime.infer({ tensor: room.picture() }))
    const told = () => measured.filter(({ kind }) => kind === 'request').length
    await ask()
    expect(told()).toBe(0)
    const { trace } = await ask()
    expect(measured.filter((one) => one.kind === 'request')).toEqual([
      { kind: 'request', plan: split, exit: 'final', ms: trace.totalMs },
    ])
    await room.clock.advance(5000)
    await ask()
    expect(told()).toBe(1)
    await Promise.all([ask(), ask()])
    expect(told()).toBe(1)
    await ask()
    expect(told()).toBe(2)
  })

  it('spans of helpers lie between sending and arriving, in equal slack per hop', () => {
    const b = deviceId('b')
    const c = deviceId('c')
    const self = deviceId('a')
    const compute = (device: DeviceId, volume: number, endMs: number) =>
      ({ device, kind: 'compute', startMs: 0, endMs, volume }) as const
    const transfer = (device: DeviceId, to: DeviceId, volume: number, atMs: number) =>
      ({ device, kind: 'transfer', startMs: atMs, endMs: atMs, volume, to, bytes: 10 }) as const
    const spans = placeSpans(
      [
        { device: self, originMs: 0, spans: [compute(self, 0, 10), transfer(self, b, 1, 10)] },
        { device: b, spans: [compute(b, 1, 20), transfer(b, c, 2, 20)] },
        { device: c, resultMs: 90, spans: [compute(c, 2, 30)] },
      ],
      0,
      90,
      self,
    )
    const at = (device: DeviceId) => spans.find((span) => span.device === device && span.kind === 'compute')?.startMs
    expect([at(b), at(c)]).toEqual([20, 50])
    expect(spans.filter((span) => span.kind === 'transfer').map((s) => [s.startMs, s.endMs])).toEqual([
      [10, 20],
      [40, 50],
      [80, 90],
    ])
  })

  it('a stage that began with rows of its own device lies behind them, and what came later arrives where it was unpacked', () => {
    const b = deviceId('b')
    const self = deviceId('a')
    const span = (
      device: DeviceId,
      kind: 'compute' | 'decode' | 'wait',
      volume: number,
      startMs: number,
      endMs: number,
    ) => ({
      device,
      kind,
      volume,
      startMs,
      endMs,
    })
    const transfer = { device: self, kind: 'transfer', startMs: 10, endMs: 10, volume: 1, to: b, bytes: 10 } as const
    const spans = placeSpans(
      [
        { device: self, originMs: 0, spans: [span(self, 'compute', 0, 0, 10), transfer] },
        { device: b, spans: [span(b, 'decode', 0, 0, 1), span(b, 'compute', 0, 1, 6)] },
        {
          device: b,
          resultMs: 40,
          spans: [span(b, 'decode', 1, 8, 9), span(b, 'wait', 1, 0, 8), span(b, 'compute', 1, 9, 20)],
        },
      ],
      0,
      40,
      self,
    )
    const computes = spans.filter(({ device, kind }) => device === b && kind === 'compute')
    expect(computes.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
      [8, 13],
      [22, 33],
    ])
    const transfers = spans.filter(({ kind }) => kind === 'transfer')
    expect(transfers.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
      [10, 21],
      [33, 40],
    ])
  })
})

describe('pictures', () => {
  it('leave as an encoded picture when the plan says so, and give the answer of the same pixels', async () => {
    const spec = {
      width: 6,
      height: 14,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      resize: 'cover',
      channels: 'RGB',
    } as const
    const picturesNet = new MiniNet({ random: seededRandom(3), strides: [1, 2], height: 14, width: 6, spec })
    const order: string[] = []
    room = new MiniRoom({
      net: picturesNet,
      speed: () => 100,
      runtime: {
        pictures: {
          encode: async ({ width, height, channels, data }) => {
            order.push('encode')
            const pixels = Array.from({ length: width * height }, (_, i) => data.slice(i * channels, i * channels + 3))
            return new Uint8Array([width, height, ...pixels.flatMap((rgb) => [...rgb, 255])])
          },
          decode: async ([width = 0, height = 0, ...data]) => ({ width, height, data: Uint8Array.from(data) }),
        },
      },
    })
    const [a, b] = (await room.joinAll('a', 'b')) as [MiniDevice, MiniDevice]
    for (const engine of a.engines.all) {
      const load = engine.load.bind(engine)
      engine.load = async (...args) => {
        const session = await load(...args)
        return Object.assign(session, { run: laterRun(session, () => order.push('run')) })
      }
    }
    const data = Uint8Array.from({ length: 40 * 40 * 4 }, (_, i) => (i * 7) % 256)
    const picture = { width: 40, height: 40, data }
    const plan = planOf(picturesNet, [
      ['t1', ['a', 0, 6], ['b', 6, 14]],
      ['logits', ['b']],
    ])
    await room.until(a.runtime.install(plan))
    const asTensor = await room.until(a.runtime.infer({ picture }))
    await room.until(a.runtime.install({ ...plan, input: { kind: 'jpeg', quality: 0.9 } }))
    const kinds: string[] = []
    room.network.onDelivered(({ to, message }) => {
      if (to === b.id && message.type === 'notice' && message.kind === 'feature') kinds.push(message.body.encoding)
    })
    order.length = 0
    const asPicture = await room.until(a.runtime.infer({ picture }))
    expect(kinds[0]).toBe('jpeg')
    // The encoder keeps the thread: this device's own rows are with the engine before it begins.
    expect(order).toEqual(['run', 'encode'])
    expect(asPicture.outputs[0]).toEqual(asTensor.outputs[0])
    await expect(a.runtime.infer({ picture: { ...picture, width: 41 } })).rejects.toMatchObject({ reason: 'bad-input' })
  })

  it('of the size of the model go to the encoder as they are', async () => {
    const spec = { width: 6, height: 14, mean: [0, 0, 0], std: [1, 1, 1], resize: 'cover', channels: 'RGB' } as const
    const net = new MiniNet({ random: seededRandom(4), strides: [1], height: 14, width: 6, spec })
    const encoded: unknown[] = []
    const pictures: PictureCodec = {
      encode: async ({ channels, data }) => {
        encoded.push(channels, data)
        return new Uint8Array(data)
      },
      decode: async (bytes) => ({ width: 6, height: 14, data: bytes }),
    }
    room = new MiniRoom({ net, runtime: { pictures } })
    const [a] = (await room.joinAll('a', 'b')) as [MiniDevice, MiniDevice]
    await room.until(a.runtime.install({ ...planOf(net, [['logits', ['b']]]), input: { kind: 'jpeg', quality: 0.9 } }))
    const data = Uint8Array.from({ length: 6 * 14 * 4 }, (_, i) => (i * 7) % 256)
    await room.until(a.runtime.infer({ picture: { width: 6, height: 14, data } }, { cache: false }))
    expect(encoded[0]).toBe(4)
    expect(encoded[1]).toBe(data)
  })
})

describe('an input tensor', () => {
  it.each([
    { where: 'alone', helper: 'a', kept: false },
    { where: 'with others', helper: 'b', kept: true },
  ])('of a device that computes $where: that it is kept for later is $kept', async ({ helper, kept }) => {
    const spec = { width: 6, height: 14, mean: [0, 0, 0], std: [1, 1, 1], resize: 'cover', channels: 'RGB' } as const
    const net = new MiniNet({ random: seededRandom(5), strides: [1, 1], height: 14, width: 6, spec })
    room = new MiniRoom({ net })
    const [a] = (await room.joinAll('a', 'b')) as [MiniDevice, MiniDevice]
    const keeps: boolean[] = []
    for (const engine of a.engines.all) {
      const load = engine.load.bind(engine)
      engine.load = async (...args) => {
        const session = await load(...args)
        const run = session.run.bind(session)
        const looked: typeof run = (inputs, options) => {
          const names = options?.keepInputs
          keeps.push(names === true || (Array.isArray(names) && names.some((name) => name in inputs)))
          return run(inputs, options)
        }
        return Object.assign(session, { run: looked })
      }
    }
    const plan = planOf(net, [
      ['t1', ['a']],
      ['logits', [helper]],
    ])
    await room.until(a.runtime.install(plan))
    keeps.length = 0
    const data = Uint8Array.from({ length: 6 * 14 * 4 }, (_, i) => (i * 7) % 256)
    await room.until(a.runtime.infer({ picture: { width: 6, height: 14, data } }, { cache: false }))
    expect(keeps[0]).toBe(kept)
  })
})

/** Begins some microtasks later, as an engine in a Worker does behind its queue. */
function laterRun({ run }: StageSession, onRun: () => void): StageSession['run'] {
  return async (...args) => {
    for (let turn = 0; turn < 3; turn++) await undefined
    onRun()
    return run(...args)
  }
}
