import { BACKENDS, type BackendSpeed } from '@roomful/core'
import { benchmarkBackends, type InferenceEngine, wasmThreads } from '@roomful/engine'
import type { SettingsStore } from '../device/settings.ts'
import type { BenchmarkView } from '../snapshot.ts'
import type { EnginePool } from './engine-pool.ts'

/** A benchmark is kept this long; after that, or with another browser version, the device is measured again. */
const KEEP_MS = 7 * 24 * 3_600_000

export interface BenchmarkHooks {
  readonly onProgress: (view: BenchmarkView) => void
  /** Every time a backend has been measured: all measured so far, fastest first. */
  readonly onSpeeds: (speeds: readonly BackendSpeed[]) => void
  readonly idle: () => Promise<void>
  readonly signal: AbortSignal
}

/**
 * Measures this device, or takes what an earlier visit with the same browser measured. Never rejects but by abort; a device
 * on which nothing could be measured ends with no speeds.
 */
export async function measureDevice(settings: SettingsStore, hooks: BenchmarkHooks): Promise<void> {
  const { onProgress, onSpeeds, idle, signal } = hooks
  const kept = (await settings.read()).speeds
  if (kept !== undefined && kept.madeBy === madeBy() && Date.now() - kept.at < KEEP_MS && kept.backends.length > 0) {
    onSpeeds(kept.backends)
    onProgress({ running: false, step: '', progress: 1 })
    return
  }
  let speeds: readonly BackendSpeed[] = []
  let told = speeds
  let done = 0
  const tell = () => {
    told = speeds
    onSpeeds(speeds)
    onProgress({ running: false, step: '', progress: 1 })
  }
  const measuring = benchmarkBackends({
    signal,
    idle,
    onProgress: ({ backend, threads, phase }) => {
      if (phase === 'done' || phase === 'failed') done++
      if (phase === 'failed' && told !== speeds) tell()
      const running = told.length === 0
      const step = `${backend}${threads > 1 ? `, ${threads} threads` : ''}`
      // The bar fills towards the usual number of backends; the device is usable from the first one on.
      onProgress({ running, step, progress: Math.min(0.95, (done + 0.5) / 3) })
    },
  })
  for await (const speed of measuring) {
    speeds = withSpeed(speeds, speed)
    // An engine started now would keep its one thread: the same backend with more threads is measured next.
    const threadsFollow = speed.backend === 'ort-wasm' && speed.threads === 1 && wasmThreads() > 1
    if (!threadsFollow) tell()
  }
  tell()
  await keepSpeeds(settings, speeds)
}

/** Remembers what was measured for the next visit with this browser. */
export async function keepSpeeds(settings: SettingsStore, backends: readonly BackendSpeed[]): Promise<void> {
  if (backends.length > 0) await settings.write({ speeds: { madeBy: madeBy(), at: Date.now(), backends } })
}

/** Backends too: what an earlier release measured lacks those that it did not know. */
const madeBy = (): string =>
  [navigator.userAgent, navigator.hardwareConcurrency, crossOriginIsolated, ...BACKENDS].join(' ')

/** Time for the timed runs of one backend: a throttled processor works in bursts, and means need many of them. */
const AGAIN_BUDGET_MS = 2_000

/** Measures backends again on engines that run already; yields all speeds, fastest first, after each. */
export async function* measureAgain(
  engines: Pick<EnginePool, 'engine'>,
  known: readonly BackendSpeed[],
  signal: AbortSignal,
): AsyncGenerator<readonly BackendSpeed[], void, void> {
  let speeds = known
  const measuring = benchmarkBackends({
    signal,
    budgetMs: AGAIN_BUDGET_MS * known.length,
    eachBudgetMs: AGAIN_BUDGET_MS,
    probe: async () => known.map(({ backend, threads }) => ({ backend, threads, software: false })),
    open: async (backend) => borrowed(await engines.engine(backend)),
  })
  for await (const speed of measuring) {
    const others = speeds.filter(({ backend }) => backend !== speed.backend)
    speeds = fastestFirst([...others, speed])
    yield speeds
  }
}

/** An engine that the benchmark uses but does not end. */
function borrowed(engine: InferenceEngine): InferenceEngine {
  const { backend, threads, lost } = engine
  return { backend, threads, lost, load: engine.load.bind(engine), async [Symbol.asyncDispose]() {} }
}

/** One entry a backend (its better thread count), fastest first. */
export function withSpeed(speeds: readonly BackendSpeed[], speed: BackendSpeed): readonly BackendSpeed[] {
  const same = speeds.find((other) => other.backend === speed.backend)
  if (same !== undefined && same.gmacsPerSecond >= speed.gmacsPerSecond) return speeds
  return fastestFirst([...speeds.filter((other) => other !== same), speed])
}

/**
 * TensorFlow.js stands behind ONNX Runtime on WASM, however fast it is: the first backend is what runs where nobody plans, and ONNX
 * Runtime knows more operators.
 */
function fastestFirst(speeds: readonly BackendSpeed[]): readonly BackendSpeed[] {
  const most = speeds.find(({ backend }) => backend === 'ort-wasm')?.gmacsPerSecond ?? Number.POSITIVE_INFINITY
  const rank = ({ backend, gmacsPerSecond }: BackendSpeed) =>
    backend === 'tfjs-wasm' && gmacsPerSecond >= most ? most * (1 - Number.EPSILON) : gmacsPerSecond
  return [...speeds].sort((a, b) => rank(b) - rank(a))
}
