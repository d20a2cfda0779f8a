import { type Backend, type BackendSpeed, type Clock, errorText, systemClock, withDeadline } from '@roomful/core'
import { createEngine } from '../create-engine.ts'
import { EngineError, type InferenceEngine } from '../engine.ts'
import { type AvailableBackend, availableBackends } from './available.ts'
import { measureSpeed } from './speed.ts'

export interface BenchmarkProgress {
  readonly backend: Backend
  readonly threads: number
  readonly phase: 'starting' | 'measuring' | 'done' | 'failed'
  /** For `failed`: why, for people. */
  readonly message?: string
}

export interface BenchmarkOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: BenchmarkProgress) => void
  /** Timed runs of all backends together; downloads, starts and shader compilation come on top. Default 3,000 ms. */
  readonly budgetMs?: number
  /** The most of it for one backend. Default 500 ms. */
  readonly eachBudgetMs?: number
  /** A backend that has not been measured after this long is left out. Default 60,000 ms. */
  readonly timeoutMs?: number
  /** Also GPUs that the CPU emulates. Default false: they cannot win, and their first run takes 10 s. */
  readonly includeSoftware?: boolean
  /** Awaited before each GPU backend, so that the room's first requests go first. Default: no wait. */
  readonly idle?: () => Promise<void>
  readonly open?: (backend: Backend, threads: number, signal: AbortSignal) => Promise<InferenceEngine>
  readonly probe?: () => Promise<AvailableBackend[]>
}

/**
 * Measures this device's backends one after the other: WASM first (the device is usable from then on), GPUs after it.
 * What fails is reported to `onProgress` and left out; only an abort rejects (with `signal.reason`).
 */
export async function* benchmarkBackends(options: BenchmarkOptions = {}): AsyncGenerator<BackendSpeed, void, void> {
  const { clock = systemClock, signal, budgetMs = 3000, timeoutMs = 60_000, onProgress } = options
  const probed = await (options.probe ?? (() => availableBackends({ clock })))()
  const candidates = probed.filter((candidate) => options.includeSoftware === true || !candidate.software)
  const eachMs = Math.min(options.eachBudgetMs ?? 500, budgetMs / Math.max(1, candidates.length))
  for (const { backend, threads } of candidates) {
    signal?.throwIfAborted()
    if (backend !== 'ort-wasm') await options.idle?.()
    const report = (phase: BenchmarkProgress['phase'], message?: string) =>
      onProgress?.({ backend, threads, phase, ...(message === undefined ? {} : { message }) })
    // Ends the measuring when the deadline passes, so that nothing goes on behind the caller's back.
    const ending = new AbortController()
    const both = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal])
    const measuring = measureOne(options, backend, threads, eachMs, clock, both, report)
    const onTimeout = () => new EngineError('timeout', `${backend} was not measured within ${timeoutMs} ms`)
    let speed: BackendSpeed | undefined
    try {
      speed = await withDeadline(measuring, { clock, timeoutMs, signal, onTimeout })
      report('done')
    } catch (error) {
      ending.abort(error)
      signal?.throwIfAborted()
      report('failed', errorText(error))
    }
    if (speed !== undefined) yield speed
  }
}

async function measureOne(
  options: BenchmarkOptions,
  backend: Backend,
  threads: number,
  budgetMs: number,
  clock: Clock,
  signal: AbortSignal,
  report: (phase: BenchmarkProgress['phase']) => void,
): Promise<BackendSpeed> {
  report('starting')
  const open = options.open ?? ((kind, count, stop) => createEngine(kind, { threads: count, clock, signal: stop }))
  await using engine = await open(backend, threads, signal)
  report('measuring')
  return await measureSpeed(engine, { clock, signal, budgetMs })
}
