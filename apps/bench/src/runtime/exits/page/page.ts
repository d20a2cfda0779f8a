import {
  type Backend,
  type BackendSpeed,
  type ExitPlacement,
  FINAL_EXIT,
  type LayerVolume,
  type Plan,
  seededRandom,
  shuffled,
  systemClock,
} from '@roomful/core'
import { benchmarkBackends, createEngine, type InferenceEngine, microNet, type StageSession } from '@roomful/engine'
import { memorySource } from '@roomful/model'
import {
  type InstalledPlan,
  type PackageLibrary as Library,
  PackageLibrary,
  Runtime,
  tensorCodec,
} from '@roomful/runtime'
import type { FeatureMap } from '@roomful/tensor'
import { bareProfile, createMemoryNetwork } from '@roomful/transport/testing'
import { BareEngines, type ControlRun } from './control.ts'

/** Which processor evaluates exits: the trunk's Worker, or a second one beside it. */
export type Processors = 'shared' | 'own'

export interface DelayRun {
  /** Time of a request without exits, then with each of the variants, of one round. */
  readonly aloneMs: number
  readonly variantsMs: readonly number[]
  /** The same without Roomful's runtime; see `control.ts`. */
  readonly control: ControlRun
}

export interface CancelRuns {
  readonly wholeMs: number
  /** Time of each segment, median over some requests. */
  readonly segmentsMs: readonly number[]
  /** From each cancel until the Worker takes other work. */
  readonly freeAfterMs: readonly number[]
}

const TRUNK: Backend = 'ort-wasm'
/** A plan names processors by their backend: the second WASM Worker goes by another backend's name. */
const BESIDE: Backend = 'ort-webgpu'
const WARM_UP = 5

interface Opened {
  readonly runtime: Runtime
  readonly library: Library
  readonly speed: BackendSpeed
  readonly engines: ReadonlyMap<Backend, InferenceEngine>
  readonly probe: StageSession
}

let opened: Opened | undefined

function rig(): Opened {
  if (opened === undefined) throw new Error('open the page first')
  return opened
}

/** A device with Roomful's runtime and two real engines: ONNX Runtime WASM in two Workers, one thread each. */
async function open(): Promise<{ isolated: boolean; gmacsPerSecond: number; overheadMs: number }> {
  const trunk = await createEngine('ort-wasm', { threads: 1 })
  const beside = await createEngine('ort-wasm', { threads: 1 })
  const speed = await speedOf(trunk)
  const engines = new Map([
    [TRUNK, trunk],
    [BESIDE, beside],
  ])
  const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1) })
  const library = new PackageLibrary()
  const runtime = new Runtime({
    room: network.join({ ...bareProfile('initiator'), backends: [speed] }),
    clock: systemClock,
    codec: tensorCodec,
    library,
    engines: {
      backends: [TRUNK, BESIDE],
      engine: async (backend) => engines.get(backend) ?? Promise.reject(new Error(`no engine ${backend}`)),
    },
    predictMs: (macs) => speed.overheadMs + macs / (speed.gmacsPerSecond * 1e6),
  })
  const tiny = microNet({ op: 'conv', from: 1, to: 1, height: 2, width: 2, kernel: 1 })
  opened = { runtime, library, speed, engines, probe: await trunk.load(tiny.model) }
  const { gmacsPerSecond, overheadMs } = speed
  return { isolated: crossOriginIsolated, gmacsPerSecond, overheadMs }
}

/** As a device measures itself when it joins. */
async function speedOf(engine: InferenceEngine): Promise<BackendSpeed> {
  const { backend, threads, lost } = engine
  const borrowed = { backend, threads, lost, load: engine.load.bind(engine), async [Symbol.asyncDispose]() {} }
  const measuring = benchmarkBackends({
    eachBudgetMs: 2_000,
    probe: async () => [{ backend, threads, software: false }],
    open: async () => borrowed,
  })
  for await (const speed of measuring) return speed
  throw new Error('the engine could not be measured')
}

async function modelOf(address: string) {
  const file = async (name: string) => {
    const response = await fetch(`${address}/${name}`)
    if (!response.ok) throw new Error(`${address}/${name}: ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  }
  const head = await file('model.json')
  const manifest = JSON.parse(new TextDecoder().decode(head))
  const paths: readonly string[] = [manifest.files.graph.path, manifest.files.weights.path]
  const others = await Promise.all(paths.map(async (name) => [name, await file(name)] as const))
  return rig().library.add(memorySource(Object.fromEntries([['model.json', head], ...others])))
}

type Model = Awaited<ReturnType<typeof modelOf>>

function control(model: Model): BareEngines {
  const { engines, speed } = rig()
  const [trunk, beside] = [engines.get(TRUNK), engines.get(BESIDE)]
  if (trunk === undefined || beside === undefined) throw new Error('an engine is missing')
  return new BareEngines(model, trunk, beside, speed)
}

/** The whole network here, cut where the exits hang. Exits that are never sure of themselves. */
function planOf(model: Model, exits: readonly string[], processors: Processors): Plan {
  const chosen = model.exits.filter(({ name }) => exits.includes(name))
  const ends = [...chosen.map(({ from }) => from), model.output.tensor]
  const volumes = ends.map(
    (to, index): LayerVolume => ({
      from: ends[index - 1] ?? model.input.tensor,
      to,
      shards: [{ device: rigSelf(), backend: TRUNK }],
      wire: { bits: 32, entropy: 'none' },
      route: 'peer',
    }),
  )
  const placements = chosen.map(
    ({ name }): ExitPlacement => ({
      exit: name,
      device: rigSelf(),
      backend: processors === 'own' ? BESIDE : TRUNK,
      threshold: 1,
      mode: 'race',
    }),
  )
  const predicted = { latencyMs: 5_000, fullMs: 5_000, throughputPerSecond: 1, bytes: 0 }
  const [trunk] = model.trunks
  if (trunk === undefined) throw new Error('the model has no trunk')
  return {
    model: model.digest,
    trunk,
    input: { kind: 'tensor' },
    volumes,
    exits: placements,
    predicted,
    method: 'drawn',
  }
}

const rigSelf = () => bareProfile('initiator').id

function picture(model: Model, seed: number): FeatureMap {
  const random = seededRandom(seed)
  const { dims } = model.input
  const length = dims.reduce((product, dim) => product * dim, 1)
  return { dtype: 'float32', dims, data: Float32Array.from({ length }, () => 2 * random.next() - 1) }
}

/** Of a request that took no exit, in milliseconds. */
async function timed(model: Model, plan: InstalledPlan, seed: number): Promise<number> {
  const tensor = picture(model, seed)
  const startMs = performance.now()
  const { exit, trace } = await rig().runtime.infer({ tensor }, { plan })
  const ms = performance.now() - startMs
  if (exit !== FINAL_EXIT || trace.recovered !== undefined) throw new Error(`answered by ${exit}`)
  return ms
}

const exitsPage = {
  open,

  /** Rounds of one request per plan, in a new order each. */
  async delay(
    address: string,
    variants: readonly { readonly exits: readonly string[]; readonly processors: Processors }[],
    rounds: number,
  ): Promise<readonly DelayRun[]> {
    const { runtime } = rig()
    const model = await modelOf(address)
    const plans = [planOf(model, [], 'shared'), ...variants.map((one) => planOf(model, one.exits, one.processors))]
    const installed: InstalledPlan[] = []
    for (const plan of plans) installed.push(await runtime.prepare(plan))
    const own = variants.flatMap(({ exits, processors }) => (processors === 'own' ? [exits] : []))
    await using bare = control(model)
    const controls = await bare.prepare(own)
    const requests = installed.map((plan) => (seed: number) => timed(model, plan, seed))
    const work = [...requests, ...controls.map((run) => (seed: number) => run(picture(model, seed)))]
    const random = seededRandom(11)
    const runs: DelayRun[] = []
    for (let round = -WARM_UP; round < rounds; round++) {
      const ms: number[] = []
      for (const index of shuffled([...work.keys()], random)) {
        ms[index] = (await work[index]?.(round)) ?? Number.NaN
        // An exit of the last cut may still be under way.
        await quiet()
      }
      const [aloneMs = Number.NaN, ...variantsMs] = ms.slice(0, requests.length)
      if (round >= 0) runs.push({ aloneMs, variantsMs, control: bare.runOf(ms.slice(requests.length)) })
    }
    for (const plan of installed) runtime.retire(plan)
    return runs
  },

  /** Cancels a request of the whole network, without exits, after a random part of its time, again and again. */
  async cancel(address: string, count: number): Promise<CancelRuns> {
    const { runtime, probe } = rig()
    const model = await modelOf(address)
    const plan = await runtime.prepare(planOf(model, [], 'shared'))
    const whole: number[] = []
    const segments: number[][] = []
    for (let i = -WARM_UP; i < Math.max(7, count / 4); i++) {
      const { trace } = await runtime.infer({ tensor: picture(model, i) }, { plan, deadlineMs: 60_000 })
      if (i < 0) continue
      whole.push(trace.totalMs)
      const computed = trace.spans.filter(({ kind }) => kind === 'compute')
      for (const [index, { startMs, endMs }] of computed.entries()) {
        segments[index] = [...(segments[index] ?? []), endMs - startMs]
      }
    }
    const wholeMs = median(whole)
    const random = seededRandom(13)
    const freeAfterMs: number[] = []
    while (freeAfterMs.length < count) {
      const stop = new AbortController()
      const tensor = picture(model, freeAfterMs.length)
      const asked = runtime.infer({ tensor }, { plan, signal: stop.signal, deadlineMs: 60_000 }).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, random.next() * wholeMs * 0.9))
      const cancelledMs = performance.now()
      stop.abort(new DOMException('cancelled', 'AbortError'))
      const { computeMs } = await probe.run({ x: { dtype: 'float32', dims: [1, 1, 2, 2], data: new Float32Array(4) } })
      freeAfterMs.push(Math.max(0, performance.now() - computeMs - cancelledMs))
      await asked
      await quiet()
    }
    runtime.retire(plan)
    return { wholeMs, segmentsMs: segments.map(median), freeAfterMs }
  },
}

export type ExitsPage = typeof exitsPage

async function quiet(): Promise<void> {
  const { runtime } = rig()
  while (runtime.counts.worker.requests > 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await new Promise((resolve) => setTimeout(resolve, 5))
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

Object.assign(globalThis, { exitsPage })
