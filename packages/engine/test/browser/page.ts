import type { Backend, BackendSpeed } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import { type BenchmarkProgress, benchmarkBackends } from '../../src/benchmark/backends.ts'
import { type MicroSample, microBenchmark } from '../../src/benchmark/micro.ts'
import { benchmarkStorage, type StorageSpeed } from '../../src/benchmark/storage.ts'
import { runChain } from '../../src/chain.ts'
import { createEngine } from '../../src/create-engine.ts'
import type { InferenceEngine, StageRun, StageSession } from '../../src/engine.ts'

/** Feature maps as plain data. */
export type PageMaps = Record<string, { dims: number[]; values: number[] }>

/** What the tests call inside the page; models and maps cross as plain arrays. */
export interface EnginePage {
  isolated(): boolean
  open(backend: Backend, threads?: number): Promise<{ threads: number }>
  load(model: number[]): Promise<void>
  run(dims: number[], values: number[]): Promise<{ dims: number[]; values: number[]; computeMs: number }>
  /** Loads, runs once and disposes; every output by name, or the error's text. */
  once(model: number[], inputs: PageMaps): Promise<PageMaps | string>
  /** What an Identity net of each element type gives for two elements of that type. */
  dtypes(models: Record<string, number[]>): Promise<Record<string, string>>
  /**
   * A map tapped out of a chain on ORT WASM, run by the opened engine: what it gives there, and what the chain itself gave.
   * `reused`: the next chain's tap lay in the same memory, once that was released. `pausedAfter`: steps of 2,000 that were done when
   * the chain was told at its first tap to stop.
   */
  tapped(
    model: number[],
    dims: number[],
    values: number[],
  ): Promise<{ shared: boolean; there: number[]; chain: number[]; reused: boolean; pausedAfter: number }>
  cycles(count: number, model: number[], dims: number[], values: number[]): Promise<unknown>
  terminateMidRun(model: number[], dims: number[]): Promise<string>
  downloads(): string[]
  benchmark(includeSoftware: boolean): Promise<{ speeds: BackendSpeed[]; progress: BenchmarkProgress[]; ms: number }>
  micro(backend: Backend, threads: number): Promise<{ samples: MicroSample[]; ms: number }>
  storage(): Promise<StorageSpeed>
  close(): Promise<void>
}

let engine: InferenceEngine | undefined
let session: StageSession | undefined

function opened(): InferenceEngine {
  if (engine === undefined) throw new Error('open an engine first')
  return engine
}

function sameMemory(one: ArrayBufferLike | undefined, other: ArrayBufferLike | undefined): boolean {
  if (one === undefined || other === undefined) return false
  const [a, b] = [new Uint8Array(one), new Uint8Array(other)]
  return [77, 78].every((mark) => {
    a[0] = mark
    return b[0] === mark
  })
}

function map(dims: number[], values: number[]) {
  return { x: { dtype: 'float32', dims, data: Float32Array.from(values) } } as const
}

const page: EnginePage = {
  isolated: () => crossOriginIsolated,
  async open(backend, threads) {
    await engine?.[Symbol.asyncDispose]()
    engine = await createEngine(backend, threads === undefined ? {} : { threads })
    return { threads: engine.threads }
  },
  async load(model) {
    session = await opened().load(Uint8Array.from(model))
  },
  async run(dims, values) {
    if (session === undefined) throw new Error('load a model first')
    const { outputs, computeMs } = await session.run(map(dims, values))
    const y = outputs['y']
    if (y === undefined) throw new Error('the net has no output y')
    return { dims: [...y.dims], values: Array.from(y.data, Number), computeMs }
  },
  async once(model, inputs) {
    try {
      await using one = await opened().load(Uint8Array.from(model))
      const feeds = Object.entries(inputs).map(([name, { dims, values }]) => [name, map(dims, values).x] as const)
      const { outputs } = await one.run(Object.fromEntries(feeds))
      const plain: PageMaps = {}
      for (const [name, { dims, data }] of Object.entries(outputs)) {
        plain[name] = { dims: [...dims], values: Array.from(data, Number) }
      }
      return plain
    } catch (error) {
      return String(error)
    }
  },
  async tapped(model, dims, values) {
    await using trunk = await createEngine('ort-wasm', { threads: 1 })
    const block = await trunk.load(Uint8Array.from(model))
    await using beside = await opened().load(Uint8Array.from(model))
    const taken: Promise<StageRun>[] = []
    let shared = false
    const run = await runChain(
      trunk,
      [
        { session: block, takes: ['x'], gives: ['t1'] },
        { session: block, takes: ['t1'], gives: ['t2'] },
      ],
      map(dims, values),
      {
        taps: ['t1'],
        onTap: ({ maps: { t1 } }) => {
          if (t1 === undefined) return
          shared = t1.data.buffer instanceof SharedArrayBuffer
          taken.push(beside.run({ x: t1 }, { keepInputs: true }))
        },
      },
    )
    const [there] = await Promise.all(taken)
    let spare: (() => void) | undefined
    const memory: ArrayBufferLike[] = []
    const again = async () => {
      const steps = [
        { session: block, takes: ['x'], gives: ['t1'] },
        { session: block, takes: ['t1'], gives: ['t2'] },
      ]
      await runChain(trunk, steps, map(dims, values), {
        taps: ['t1'],
        onTap: ({ maps: { t1 }, release }) => {
          if (t1 !== undefined) memory.push(t1.data.buffer)
          spare = release
        },
      })
    }
    await again()
    const told = memory.length
    spare?.()
    await again()
    const first = memory[0]
    const stop = new AbortController()
    const many = Array.from({ length: 2000 }, (_, i) => ({
      session: block,
      takes: [i === 0 ? 'x' : `t${i}`],
      gives: [`t${i + 1}`],
    }))
    const paused = await runChain(trunk, many, map(dims, values), {
      pause: stop.signal,
      taps: ['t1'],
      onTap: () => stop.abort(),
    })
    const plain = (result: FeatureMap | undefined) => Array.from(result?.data ?? [], Number)
    return {
      shared,
      there: plain(there?.outputs['y']),
      chain: plain(run.maps['t2']),
      reused: told === 1 && sameMemory(first, memory[1]),
      pausedAfter: paused.done,
    }
  },
  async dtypes(models) {
    const maps: readonly FeatureMap[] = [
      { dtype: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0xc000) },
      { dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, -2n) },
      { dtype: 'int32', dims: [2], data: Int32Array.of(5, -6) },
      { dtype: 'uint8', dims: [2], data: Uint8Array.of(1, 255) },
      { dtype: 'int8', dims: [2], data: Int8Array.of(1, -2) },
      { dtype: 'bool', dims: [2], data: Uint8Array.of(1, 0) },
    ]
    const out: Record<string, string> = {}
    for (const x of maps) {
      await using one = await opened().load(Uint8Array.from(models[x.dtype] ?? []))
      const y = (await one.run({ x })).outputs['y']
      out[x.dtype] = `${y?.dtype} ${y?.data.constructor.name} ${Array.from(y?.data ?? [], String)}`
    }
    return out
  },
  async cycles(count, model, dims, values) {
    const bytes = Uint8Array.from(model)
    for (let i = 0; i < count; i++) {
      await using one = await opened().load(bytes)
      await one.run(map(dims, values))
    }
    return opened().counters?.()
  },
  async terminateMidRun(model, dims) {
    const one = await opened().load(Uint8Array.from(model))
    const count = dims.reduce((product, dim) => product * dim, 1)
    const running = one.run({ x: { dtype: 'float32', dims, data: new Float32Array(count) } }).then(
      () => 'answered',
      (error: unknown) => (error as { reason: string }).reason,
    )
    await new Promise((resolve) => setTimeout(resolve, 5))
    await opened()[Symbol.asyncDispose]()
    return running
  },
  downloads: () => performance.getEntriesByType('resource').map((entry) => entry.name),
  async benchmark(includeSoftware) {
    const speeds: BackendSpeed[] = []
    const progress: BenchmarkProgress[] = []
    const start = performance.now()
    for await (const speed of benchmarkBackends({ includeSoftware, onProgress: (event) => progress.push(event) })) {
      speeds.push(speed)
    }
    return { speeds, progress, ms: performance.now() - start }
  },
  async micro(backend, threads) {
    await using one = await createEngine(backend, { threads })
    const start = performance.now()
    const [samples = []] = await microBenchmark([one])
    return { samples, ms: performance.now() - start }
  },
  storage: () => benchmarkStorage(),
  async close() {
    await engine?.[Symbol.asyncDispose]()
    engine = undefined
    session = undefined
  },
}

Object.assign(globalThis, { enginePage: page })
