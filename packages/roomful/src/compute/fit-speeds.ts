import type { BackendSpeed } from '@roomful/core'
import { microBenchmark } from '@roomful/engine'
import type { Planning } from '../plan/planning.ts'
import type { EnginePool } from './engine-pool.ts'

/** Of ONNX Runtime's speed. */
const OUTRUN = 0.8

export interface FitOptions {
  readonly engines: Pick<EnginePool, 'engine'>
  readonly planning: Pick<Planning, 'fit'>
  /** Awaited before each of the small nets: what anybody asks of this device goes first. */
  readonly between?: () => Promise<void>
  /** Time for each backend; a weak one needs more for as many nets. Default: the micro-benchmark's. */
  readonly budgetMs?: number
  readonly signal: AbortSignal
}

/**
 * Measures small nets of every operator kind on the backends (about 3 s each) and gives their speeds the coefficients that
 * the predictor fits to them. Yields all speeds after each backend; one that fails keeps its speed alone. Rejects only with
 * `signal.reason`.
 */
export async function* fitSpeeds(
  known: readonly BackendSpeed[],
  { engines, planning, between, budgetMs, signal }: FitOptions,
): AsyncGenerator<readonly BackendSpeed[], void, void> {
  let speeds = known
  for (const speed of known) {
    signal.throwIfAborted()
    if (speed.coefficients !== undefined || isOutrun(speed, known)) continue
    try {
      const engine = await engines.engine(speed.backend)
      const samples = await microBenchmark(engine, {
        signal,
        ...(between === undefined ? {} : { between }),
        ...(budgetMs === undefined ? {} : { budgetMs }),
      })
      const fitted = await planning.fit(speed, samples)
      speeds = speeds.map((other) => (other.backend === speed.backend ? fitted : other))
    } catch {
      signal.throwIfAborted()
      // A lost backend is told of by the pool; too few samples are a backend that only its speed describes.
      continue
    }
    yield speeds
  }
}

/** TensorFlow.js is slower on WASM than ONNX Runtime by so much that no net will run on it. */
function isOutrun({ backend, gmacsPerSecond }: BackendSpeed, known: readonly BackendSpeed[]): boolean {
  const ort = known.find((speed) => speed.backend === 'ort-wasm')
  return backend === 'tfjs-wasm' && ort !== undefined && gmacsPerSecond < OUTRUN * ort.gmacsPerSecond
}
