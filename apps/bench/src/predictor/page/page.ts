import { gaussian, seededRandom } from '@roomful/core'
import {
  createEngine,
  type InferenceEngine,
  type MicroSample,
  microBenchmark,
  microNet,
  type StageSession,
} from '@roomful/engine'
import type { FeatureMap, FeatureMaps } from '@roomful/tensor'

/** Shapes of a net's inputs by name. */
export type InputShapes = Readonly<Record<string, readonly number[]>>

export interface TimedRuns {
  /** Milliseconds inside the backend of every run that counts, in order. */
  readonly runsMs: readonly number[]
  /** The control net's time, the slower of directly before and directly after. */
  readonly controlMs: number
}

/** What the benchmark's driver calls in the page. */
const predictorPage = {
  /** The engine that the runtime would use on this device: ONNX Runtime WASM in a Worker, here on one thread. */
  async open(): Promise<{ threads: number; isolated: boolean }> {
    await engine?.[Symbol.asyncDispose]()
    engine = await createEngine('ort-wasm', { threads: 1 })
    control = await engine.load(CONTROL.model)
    for (let i = 0; i < 20; i++) await controlMs()
    return { threads: engine.threads, isolated: crossOriginIsolated }
  },

  /** The micro-benchmark as a device runs it when it joins, and its whole time. */
  async micro(): Promise<{ samples: readonly MicroSample[]; ms: number; controlMs: number }> {
    const before = await controlMs()
    const startMs = performance.now()
    const [samples = []] = await microBenchmark([opened()])
    const ms = performance.now() - startMs
    return { samples, ms, controlMs: Math.max(before, await controlMs()) }
  },

  /** Loads a net, runs it `warm` times unseen and then until `runs` and `minMs` are both reached, at most `maxMs`. */
  async time(
    url: string,
    shapes: InputShapes,
    { warm, runs, minMs, maxMs }: { warm: number; runs: number; minMs: number; maxMs: number },
  ): Promise<TimedRuns> {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
    const bytes = new Uint8Array(await response.arrayBuffer())
    await using session = await opened().load(bytes)
    const inputs = randomInputs(shapes)
    for (let i = 0; i < warm; i++) await runOnce(session, inputs)
    const before = await controlMs()
    const runsMs: number[] = []
    let spentMs = 0
    while (spentMs < maxMs && (runsMs.length < runs || spentMs < minMs)) {
      const ms = await runOnce(session, inputs)
      runsMs.push(ms)
      spentMs += ms
    }
    return { runsMs, controlMs: Math.max(before, await controlMs()) }
  },
}

export type PredictorPage = typeof predictorPage

let engine: InferenceEngine | undefined
let control: StageSession | undefined
/** A net of about 2 ms whose time tells whether something else disturbs the machine. */
const CONTROL = microNet({ op: 'conv', from: 64, to: 64, height: 28, width: 28, kernel: 3 })
const CONTROL_RUNS = 5

/** Mean of some runs: a disturbance that a median would not see counts. */
async function controlMs(): Promise<number> {
  if (control === undefined) throw new Error('open an engine first')
  let sum = 0
  for (let i = 0; i < CONTROL_RUNS; i++) sum += await runOnce(control, { x: CONTROL.input })
  return sum / CONTROL_RUNS
}

function opened(): InferenceEngine {
  if (engine === undefined) throw new Error('open an engine first')
  return engine
}

async function runOnce(session: StageSession, inputs: FeatureMaps): Promise<number> {
  const { computeMs } = await session.run(inputs, { keepInputs: true })
  return computeMs
}

/** Half-normal values, as they leave a rectifier: neither zero nor denormal. */
function randomInputs(shapes: InputShapes): FeatureMaps {
  const random = seededRandom(7)
  const map = (dims: readonly number[]): FeatureMap => {
    const data = new Float32Array(dims.reduce((a, b) => a * b, 1))
    for (let i = 0; i < data.length; i++) data[i] = i < 4096 ? Math.abs(gaussian(random)) : (data[i % 4096] as number)
    return { dtype: 'float32', dims, data }
  }
  return Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, map(dims)]))
}

Object.assign(globalThis, { predictorPage })
