import 'fake-indexeddb/auto'
import { type Backend, ELEMENTWISE_KINDS, VirtualClock } from '@roomful/core'
import { expect, test } from 'vitest'
import { EngineError, type InferenceEngine } from '../engine.ts'
import { createOrtNodeEngine } from '../node/ort-node-engine.ts'
import { availableBackends } from './available.ts'
import { type BenchmarkProgress, benchmarkBackends } from './backends.ts'
import { median } from './measure.ts'
import { microBenchmark } from './micro.ts'
import { MICRO_CASES } from './micro-cases.ts'
import { microNet } from './micro-nets.ts'
import { chainNet, type MicroKind } from './nets.ts'
import { measureSpeed } from './speed.ts'
import { benchmarkStorage } from './storage.ts'

/**
 * An engine of known speed on a virtual clock: `fixedMs` + macs at `gmacs`. `quota`: the share of every 100 ms in which it
 * works at that speed; then it stalls until the next 100 ms, in the middle of a run if need be.
 */
function fakeEngine(
  clock: VirtualClock,
  gmacs: number,
  fixedMs: number,
  backend: Backend = 'ort-wasm',
  quota = 1,
): InferenceEngine {
  let usedMs = 0
  return {
    backend,
    threads: 1,
    lost: new Promise(() => {}),
    async load(model) {
      const cost = COSTS.get(model.length) ?? 0
      return {
        inputs: ['x'],
        outputs: ['y'],
        async run(inputs) {
          const workMs = fixedMs + cost / gmacs / 1e6
          const stalls = Math.floor((usedMs + workMs) / (100 * quota)) - Math.floor(usedMs / (100 * quota))
          usedMs += workMs
          const ms = workMs + (quota < 1 ? stalls * 100 * (1 - quota) : 0)
          await clock.advance(ms)
          return { outputs: { y: inputs['x'] as NonNullable<(typeof inputs)['x']> }, computeMs: ms, queueMs: 0 }
        },
        async [Symbol.asyncDispose]() {},
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Multiply-accumulates of the speed nets by the length of their files. */
const COSTS = new Map(
  [chainNet('pointwise', 4, 4, 4, 1), chainNet('conv', 32, 32, 32, 3), chainNet('conv', 64, 40, 40, 4)].map((net) => [
    net.model.length,
    net.macs,
  ]),
)

test('the speed and overhead of an engine of known speed come out', async () => {
  for (const [gmacs, fixedMs] of [
    [1, 0.2],
    [15, 0.3],
    [400, 2],
  ] as const) {
    const clock = new VirtualClock()
    const speed = await measureSpeed(fakeEngine(clock, gmacs, fixedMs), { clock })
    expect(speed.gmacsPerSecond / gmacs).toBeCloseTo(1, 1)
    expect(speed.overheadMs).toBeCloseTo(fixedMs, 2)
  }
})

test('a processor that a quota stops in every period is measured with its stalls', async () => {
  for (const quota of [0.5, 0.25]) {
    const clock = new VirtualClock()
    const speed = await measureSpeed(fakeEngine(clock, 15, 0.3, 'ort-wasm', quota), { clock, budgetMs: 1000 })
    expect(speed.gmacsPerSecond / (15 * quota)).toBeGreaterThan(0.7)
    expect(speed.gmacsPerSecond / (15 * quota)).toBeLessThan(1.4)
  }
})

test('every layer chain of the micro-benchmark runs and keeps its values near 1', async () => {
  await using engine = createOrtNodeEngine()
  for (const kind of ['conv', 'pointwise', 'depthwise', 'dense', 'pool'] satisfies MicroKind[]) {
    const net = chainNet(kind, 8, 12, 12, 3)
    await using session = await engine.load(net.model)
    const { outputs } = await session.run({ x: net.input })
    const values = Array.from(outputs['y']?.data ?? [], Number)
    expect(outputs['y']?.dims).toEqual(net.input.dims)
    expect(Math.max(...values)).toBeCloseTo(1, 4)
    expect(Math.min(...values)).toBeGreaterThan(0.05)
  }
  const conv = chainNet('conv', 8, 12, 10, 3)
  expect(conv.layer).toEqual({ macs: 12 * 10 * 8 * 8 * 9, bytes: 12 * 10 * 8 * 4 })
  expect(conv.macs).toBe(3 * conv.layer.macs)
})

test('every net of the micro-benchmark runs, has the shapes it says and keeps its values near 1', async () => {
  await using engine = createOrtNodeEngine()
  for (const spec of MICRO_CASES) {
    const net = microNet(spec)
    await using session = await engine.load(net.model)
    const { outputs } = await session.run({ x: net.input }, { keepInputs: true })
    const { data = [] } = outputs['y'] ?? {}
    expect(data.length, JSON.stringify(spec)).toBe(net.outputElements)
    expect(Number(data[data.length >> 1]), JSON.stringify(spec)).toBeGreaterThan(1e-3)
    const [layer] = net.layers
    if (spec.op !== 'conv' || layer?.kind !== 'conv') continue
    expect(layer.rows * layer.columns * layer.outputChannels).toBe(net.outputElements)
  }
})

test('the micro-benchmark samples every kind, also at few rows', async () => {
  await using engine = createOrtNodeEngine()
  const seen: number[] = []
  const [samples = []] = await microBenchmark([engine], { budgetMs: 60_000, onProgress: (done) => seen.push(done) })
  expect(samples.length).toBe(MICRO_CASES.length)
  const layers = samples.flatMap((sample) => sample.layers)
  const kinds = new Set(layers.map((layer) => layer.kind))
  expect([...kinds].sort()).toEqual(['conv', 'dense', 'pool', ...ELEMENTWISE_KINDS].sort())
  expect(layers.filter((layer) => layer.kind === 'conv' && layer.rows <= 4).length).toBeGreaterThanOrEqual(3)
  expect(samples.every((sample) => sample.ms > 0)).toBe(true)
  expect(Math.max(...seen)).toBe(samples.length)
  expect(await engine.counters?.()).toEqual({ sessions: 0, liveTensors: 0 })
})

test('the micro-benchmark stops at its budget, in which waiting for requests does not count', async () => {
  const clock = new VirtualClock()
  let turns = 0
  const [samples = []] = await microBenchmark([fakeEngine(clock, 10, 10)], {
    clock,
    budgetMs: 300,
    between: async () => {
      turns++
      await clock.advance(1000)
    },
  })
  // A net is run once unseen and three times timed: 40 ms.
  expect(samples.length).toBe(8)
  expect(turns).toBe(8)
  expect(samples.every(({ ms }) => ms === 10)).toBe(true)
})

test('engines of one processor have each small net by turns, so that a change of its speed meets both', async () => {
  const clock = new VirtualClock()
  const order: string[] = []
  const slowing = (backend: Backend, fixedMs: number): InferenceEngine => {
    const engine = fakeEngine(clock, 10, fixedMs, backend)
    return {
      ...engine,
      async load(model) {
        order.push(backend)
        const session = await engine.load(model)
        return {
          ...session,
          async run(...args) {
            const startMs = clock.now()
            const result = await session.run(...args)
            // The processor slows down as time goes on.
            await clock.advance((result.computeMs * startMs) / 5000)
            return { ...result, computeMs: clock.now() - startMs }
          },
        }
      },
    }
  }
  const [ort = [], tfjs = []] = await microBenchmark([slowing('ort-wasm', 20), slowing('tfjs-wasm', 10)], {
    clock,
    budgetMs: 20_000,
  })
  expect(order.slice(0, 4)).toEqual(['ort-wasm', 'tfjs-wasm', 'tfjs-wasm', 'ort-wasm'])
  expect(ort).toHaveLength(tfjs.length)
  const [slow = 0, fast = 0] = [ort, tfjs].map((samples) => samples.reduce((sum, { ms }) => sum + ms, 0))
  expect(slow / fast).toBeGreaterThan(1.8)
  expect(slow / fast).toBeLessThan(2.2)
})

test('a throttled processor is known by what it sustains, and by how much faster its bursts are', async () => {
  for (const quota of [0.1, 0.2, 0.5]) {
    const clock = new VirtualClock()
    const speed = await measureSpeed(fakeEngine(clock, 10, 0.2, 'ort-wasm', quota), { clock, budgetMs: 2000 })
    expect(speed.gmacsPerSecond / (10 * quota), `${quota}`).toBeGreaterThan(0.75)
    expect(speed.gmacsPerSecond / (10 * quota), `${quota}`).toBeLessThan(1.25)
    expect((speed.burst ?? 1) * quota, `${quota}`).toBeGreaterThan(0.75)
    expect((speed.burst ?? 1) * quota, `${quota}`).toBeLessThan(1.25)
  }
})

test('the micro-benchmark of a throttled processor sees its stalls; an abort ends it between two nets', async () => {
  const clock = new VirtualClock()
  const [throttled = []] = await microBenchmark([fakeEngine(clock, 10, 10, 'ort-wasm', 0.5)], {
    clock,
    budgetMs: 10_000,
  })
  const mean = throttled.reduce((sum, { ms }) => sum + ms, 0) / throttled.length
  expect(mean).toBeGreaterThan(16)
  expect(mean).toBeLessThan(24)
  const controller = new AbortController()
  const aborted = microBenchmark([fakeEngine(clock, 10, 10)], {
    clock,
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('a request')),
  })
  await expect(aborted).rejects.toThrow('a request')
})

const PROBED = [
  { backend: 'ort-wasm', threads: 1, software: false },
  { backend: 'ort-wasm', threads: 2, software: false },
  { backend: 'ort-webgpu', threads: 1, software: false },
  { backend: 'tfjs-webgl', threads: 1, software: true },
] as const

test('WASM is measured first, a backend that fails is left out, software GPUs are not tried', async () => {
  const clock = new VirtualClock()
  const progress: BenchmarkProgress[] = []
  const speeds: string[] = []
  let disposed = 0
  for await (const speed of benchmarkBackends({
    clock,
    probe: async () => [...PROBED],
    onProgress: (event) => progress.push(event),
    open: async (backend, threads) => {
      if (backend === 'ort-webgpu') throw new EngineError('unavailable', 'no adapter')
      const engine = fakeEngine(clock, 10 * threads, 0.5, backend)
      return { ...engine, threads, [Symbol.asyncDispose]: async () => void disposed++ }
    },
  })) {
    speeds.push(`${speed.backend} ${speed.threads} ${speed.gmacsPerSecond.toFixed(0)}`)
  }
  expect(speeds).toEqual(['ort-wasm 1 10', 'ort-wasm 2 20'])
  expect(disposed).toBe(2)
  expect(progress.map((event) => `${event.backend} ${event.phase}`)).toEqual([
    'ort-wasm starting',
    'ort-wasm measuring',
    'ort-wasm done',
    'ort-wasm starting',
    'ort-wasm measuring',
    'ort-wasm done',
    'ort-webgpu starting',
    'ort-webgpu failed',
  ])
  expect(progress.at(-1)?.message).toBe('no adapter')
})

test('a backend that never starts is left out at its deadline and told to stop; an abort rejects', async () => {
  const clock = new VirtualClock()
  let stopped = false
  const options = {
    clock,
    probe: async () => PROBED.slice(0, 1),
    timeoutMs: 1000,
    open: (_backend: Backend, _threads: number, signal: AbortSignal) => {
      signal.addEventListener('abort', () => {
        stopped = true
      })
      return new Promise<InferenceEngine>(() => {})
    },
  }
  const first = benchmarkBackends(options).next()
  expect((await clock.runUntil(first)).done).toBe(true)
  expect(stopped).toBe(true)
  const controller = new AbortController()
  const second = benchmarkBackends({ ...options, signal: controller.signal }).next()
  const outcome = expect(second).rejects.toThrow('left')
  await Promise.resolve()
  controller.abort(new Error('left'))
  await outcome
})

test('Node has WASM with one thread and no GPU', async () => {
  expect(await availableBackends()).toEqual([
    { backend: 'ort-wasm', threads: 1, software: false },
    { backend: 'tfjs-wasm', threads: 1, software: false },
  ])
})

test('storage is measured where there is one', async () => {
  const speed = await benchmarkStorage()
  expect(speed.writeMbPerSecond).toBeGreaterThan(0)
  expect(speed.readMbPerSecond).toBeGreaterThan(0)
})

test('a median of even and odd counts', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
})
