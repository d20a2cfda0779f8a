import '@tensorflow/tfjs-backend-cpu'
import type { FeatureMap } from '@roomful/tensor'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { type ChainPart, type ChainStep, runChain, runSteps } from './chain.ts'
import type { InferenceEngine, StageSession } from './engine.ts'
import { createOrtNodeEngine } from './node/ort-node-engine.ts'
import { blockNet, randomInput, sumNet } from './testing/nets.ts'
import { nodeWorkerPorts } from './testing/node-port.ts'
import { TfjsEngine } from './tfjs/tfjs-engine.ts'
import { serveEngine } from './worker/engine-host.ts'
import { WorkerEngine } from './worker/worker-engine.ts'

const input = () => randomInput([1, 3, 16, 16])

/** Two blocks and their sum: what the first gives passes by the second. */
async function residual(engine: InferenceEngine): Promise<ChainStep[]> {
  const [one, two, sum] = [
    await engine.load(blockNet(16, 1)),
    await engine.load(blockNet(16, 2)),
    await engine.load(sumNet()),
  ]
  return [
    { session: one, takes: ['x'], gives: ['t1'] },
    { session: two, takes: ['t1'], gives: ['t2'] },
    { session: sum, takes: ['t1', 't2'], gives: ['t3'] },
  ]
}

async function expected(engine: InferenceEngine) {
  const [one, two, sum] = (await residual(engine)).map(({ session }) => session) as StageSession[]
  const run = async (session: StageSession | undefined, inputs: Record<string, FeatureMap>) =>
    (await session?.run(inputs, { keepInputs: true }))?.outputs['y'] ?? expect.unreachable()
  const t1 = await run(one, { x: input() })
  const t2 = await run(two, { x: t1 })
  return { t1, t2, t3: await run(sum, { a: t1, b: t2 }) }
}

async function inWorker(): Promise<InferenceEngine> {
  const ports = nodeWorkerPorts()
  serveEngine(ports.host, async () => createOrtNodeEngine())
  return WorkerEngine.open(ports.main, { backend: 'ort-wasm', threads: 1, optimisation: 'all' })
}

async function onTfjs(): Promise<InferenceEngine> {
  await tf.setBackend('cpu')
  return new TfjsEngine({ backend: 'tfjs-wasm' })
}

describe.each([
  ['in this thread', async () => createOrtNodeEngine()],
  ['of TensorFlow.js, which holds maps between them,', onTfjs],
  ['in a worker', inWorker],
])('a chain of sessions %s', (_, open) => {
  it('gives what its sessions give one by one, and taps on the way', async () => {
    await using engine = await open()
    const steps = await residual(engine)
    const wanted = await expected(engine)
    const x = input()
    const told: ChainPart[] = []
    const run = await runChain(engine, steps, { x }, { keep: ['x'], taps: ['t2'], onTap: (part) => told.push(part) })
    expect(run.maps).toEqual({ t3: wanted.t3 })
    expect(told.map(({ maps }) => maps)).toEqual([{ t2: wanted.t2 }])
    expect([told[0]?.steps.length, run.steps.length, run.done]).toEqual([2, 1, 3])
    for (const { computeMs, agoMs } of [...(told[0]?.steps ?? []), ...run.steps]) {
      expect(computeMs).toBeGreaterThan(0)
      expect(agoMs).toBeGreaterThanOrEqual(0)
    }
    expect(x).toEqual(input())
  })

  it('stops after the session under way when paused, with what the rest needs', async () => {
    await using engine = await open()
    const steps = await residual(engine)
    const wanted = await expected(engine)
    const pause = AbortSignal.abort()
    const first = await runChain(engine, steps, { x: input() }, { pause })
    expect([first.done, first.maps]).toEqual([1, { t1: wanted.t1 }])
    const second = await runChain(engine, steps.slice(1), first.maps, { pause })
    expect([second.done, second.maps]).toEqual([1, { t1: wanted.t1, t2: wanted.t2 }])
    const third = await runChain(engine, steps.slice(2), second.maps)
    expect([third.done, third.maps]).toEqual([1, { t3: wanted.t3 }])
  })

  it('rejects at once when aborted, and leaves the engine to others', async () => {
    await using engine = await open()
    const steps = await residual(engine)
    const reason = new Error('an exit was confident')
    const stop = new AbortController()
    const tapped: string[] = []
    const many = [
      ...steps.slice(0, 1),
      ...Array.from({ length: 2000 }, (_, i): ChainStep => {
        const { session } = steps[1] ?? expect.unreachable()
        return { session, takes: [`t${i + 1}`], gives: [`t${i + 2}`] }
      }),
    ]
    const onTap = (part: ChainPart) => {
      tapped.push(...Object.keys(part.maps))
      stop.abort(reason)
    }
    const running = runChain(engine, many, { x: input() }, { signal: stop.signal, taps: ['t5', 't1990'], onTap })
    await expect(running).rejects.toBe(reason)
    await steps[0]?.session.run({ x: input() })
    expect(tapped).toEqual(['t5'])
  })

  it('ends at an exit that is sure, and goes past one that is not', async () => {
    await using engine = await open()
    const [one, two, sum] = (await residual(engine)) as [ChainStep, ChainStep, ChainStep]
    const wanted = await expected(engine)
    const gated = (threshold: number) => [one, { ...two, gate: { temperature: 1, threshold } }, sum]
    const sure = await runChain(engine, gated(0), { x: input() })
    expect([sure.done, sure.ended, sure.maps]).toEqual([2, true, { t2: wanted.t2 }])
    expect(sure.steps).toHaveLength(2)
    const unsure = await runChain(engine, gated(1.1), { x: input() })
    expect([unsure.done, unsure.ended, unsure.maps]).toEqual([3, undefined, { t3: wanted.t3 }])
  })

  it('says which tensor is missing', async () => {
    await using engine = await open()
    const steps = await residual(engine)
    const wrong = runChain(engine, steps.slice(1), { x: input() })
    await expect(wrong).rejects.toMatchObject({ reason: 'shape', message: expect.stringContaining('t1') })
  })
})

it('a chain tells what nothing takes any more, and never memory that another map lies in', async () => {
  const passing = (gives: string[], outputs: (inputs: FeatureMap[]) => FeatureMap[]): ChainStep['session'] => ({
    inputs: ['a'],
    outputs: gives,
    run: async (inputs) => {
      const made = outputs(Object.values(inputs))
      return {
        outputs: Object.fromEntries(gives.map((name, i) => [name, made[i] as FeatureMap])),
        computeMs: 1,
        queueMs: 0,
      }
    },
    async [Symbol.asyncDispose]() {},
  })
  const map = (value: number): FeatureMap => ({ dtype: 'float32', dims: [1], data: Float32Array.of(value) })
  const view = ({ data, dims, dtype }: FeatureMap) =>
    ({ dtype, dims, data: new Float32Array(data.buffer) }) as FeatureMap
  const x = map(0)
  const [t1, t3] = [map(1), map(3)]
  const steps: ChainStep[] = [
    { session: passing(['y'], () => [t1]), takes: ['x'], gives: ['t1'] },
    { session: passing(['y'], ([a]) => [view(a ?? map(9))]), takes: ['t1'], gives: ['t2'] },
    { session: passing(['y'], () => [t3]), takes: ['t2'], gives: ['t3'] },
  ]
  const spent: FeatureMap[] = []
  const host = { stopped: () => false, onSpent: (one: FeatureMap) => spent.push(one) }
  const { maps } = await runSteps(steps, { x }, [], [], host)
  // t2 lies where t1 does: it goes with the last of the two.
  expect(spent.map(({ data }) => data[0])).toEqual([0, 1])
  expect(maps).toEqual({ t3 })
})

it('a chain in a worker refuses sessions of another engine', async () => {
  await using engine = await inWorker()
  await using other = createOrtNodeEngine()
  await expect(runChain(engine, await residual(other), { x: input() })).rejects.toMatchObject({ reason: 'disposed' })
})

describe('maps that an engine holds between the sessions of a chain', () => {
  it('are not read back but for the last, and are let go when nothing takes them any more', async () => {
    await using engine = await onTfjs()
    const steps = await residual(engine)
    const before = (await engine.counters?.())?.liveTensors
    let readBacks = 0
    const { readSync } = tf.backend()
    tf.backend().readSync = function (id) {
      readBacks++
      return readSync.call(this, id)
    }
    try {
      const { maps } = await runChain(engine, steps, { x: input() })
      expect(Object.keys(maps)).toEqual(['t3'])
    } finally {
      tf.backend().readSync = readSync
    }
    expect(readBacks).toBe(1)
    expect((await engine.counters?.())?.liveTensors).toBe(before)
  })

  it('are let go when a session fails, when the chain is paused, and when it is aborted', async () => {
    await using engine = await onTfjs()
    const steps = await residual(engine)
    const before = (await engine.counters?.())?.liveTensors
    const failing = { ...steps[2]?.session, run: () => Promise.reject(new Error('no')) } as unknown as StageSession
    const broken = steps.map((step, at) => (at === 2 ? { ...step, session: failing } : step))
    await expect(runChain(engine, broken, { x: input() })).rejects.toThrow()
    const pause = new AbortController()
    pause.abort()
    const paused = await runChain(engine, steps, { x: input() }, { pause: pause.signal })
    expect([paused.done, Object.keys(paused.maps)]).toEqual([1, ['t1']])
    expect(paused.maps['t1']?.data).toBeInstanceOf(Float32Array)
    const abort = new AbortController()
    const running = runChain(engine, steps, { x: input() }, { signal: abort.signal })
    abort.abort(new Error('stop'))
    await expect(running).rejects.toThrow('stop')
    await engine.load(sumNet())
    expect((await engine.counters?.())?.liveTensors).toBe(before)
  })
})
