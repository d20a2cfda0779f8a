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
 * the predictor fits to them; two engines of the CPU have the nets by turns, since which of them is faster decides what it runs. Yields all
 * speeds after each; a backend that fails keeps its speed alone. Rejects only with `signal.reason`.
 */
export async function* fitSpeeds(
  known: readonly BackendSpeed[],
  { engines, planning, between, budgetMs, signal }: FitOptions,
): AsyncGenerator<readonly BackendSpeed[], void, void> {
  let speeds = known
  const groups = together(known.filter((speed) => speed.coefficients === undefined && !isOutrun(speed, known)))
  for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
    signal.throwIfAborted()
    try {
      const opened = await Promise.all(group.map(({ backend }) => engines.engine(backend)))
      const samples = await microBenchmark(opened, {
        signal,
        ...(between === undefined ? {} : { between }),
        ...(budgetMs === undefined ? {} : { budgetMs }),
      })
      const fitted = await planning.fit(group.map((speed, at) => ({ speed, samples: samples[at] ?? [] })))
      speeds = speeds.map((other) => fitted.find(({ backend }) => backend === other.backend) ?? other)
    } catch {
      signal.throwIfAborted()
      // A lost backend is told of by the pool; too few samples are a backend that only its speed describes.
      if (group.length > 1) groups.unshift(...group.map((speed) => [speed]))
      continue
    }
    yield speeds
  }
}

/** The engines of the CPU with equally many threads beside each other, where the first of them stands. */
function together(speeds: readonly BackendSpeed[]): BackendSpeed[][] {
  const groups: BackendSpeed[][] = []
  for (const speed of speeds) {
    const isPair = ([first]: readonly BackendSpeed[]) =>
      first !== undefined && isWasm(first) && isWasm(speed) && first.threads === speed.threads
    const pair = groups.find(isPair)
    if (pair === undefined) groups.push([speed])
    else pair.push(speed)
  }
  return groups
}

const isWasm = ({ backend }: BackendSpeed) => backend === 'ort-wasm' || backend === 'tfjs-wasm'

/** TensorFlow.js is slower on WASM than ONNX Runtime by so much that no net will run on it. */
function isOutrun({ backend, gmacsPerSecond }: BackendSpeed, known: readonly BackendSpeed[]): boolean {
  const ort = known.find((speed) => speed.backend === 'ort-wasm')
  return backend === 'tfjs-wasm' && ort !== undefined && gmacsPerSecond < OUTRUN * ort.gmacsPerSecond
}
