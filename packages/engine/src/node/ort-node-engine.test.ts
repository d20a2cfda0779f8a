import { expect, test } from 'vitest'
import { EngineError, type InferenceEngine, type StageSession } from '../engine.ts'
import { NetWriter } from '../onnx/net-writer.ts'
import { randomInput, smallNet } from '../testing/nets.ts'
import { createOrtNodeEngine } from './ort-node-engine.ts'

async function withNet(use: (session: StageSession, engine: InferenceEngine) => Promise<void>, net = smallNet()) {
  await using engine = createOrtNodeEngine()
  await using session = await engine.load(net, { label: 'the small net' })
  await use(session, engine)
}

test('runs a net and says what it needs, gives and cost', () =>
  withNet(async (session) => {
    expect(session.inputs).toEqual(['x'])
    expect(session.outputs).toEqual(['y'])
    const x = randomInput([1, 3, 16, 16])
    const { outputs, computeMs, queueMs } = await session.run({ x })
    expect(outputs['y']?.dims).toEqual([1, 10])
    expect(outputs['y']?.data).toBeInstanceOf(Float32Array)
    expect(computeMs).toBeGreaterThan(0)
    expect(queueMs).toBeGreaterThanOrEqual(0)
    expect((await session.run({ x })).outputs).toEqual(outputs)
  }))

test('runs asked for at once do not overlap and wait in order', () =>
  withNet(async (session) => {
    const runs = await Promise.all([1, 2, 3].map((seed) => session.run({ x: randomInput([1, 3, 16, 16], seed) })))
    expect(runs[2]?.queueMs).toBeGreaterThanOrEqual(runs[1]?.computeMs ?? 0)
  }))

test('every element type passes through: float16 as raw bits', async () => {
  for (const [dtype, data] of [
    ['float16', Uint16Array.of(0x3c00, 0xc000)],
    ['int64', BigInt64Array.of(1n, -2n)],
    ['int32', Int32Array.of(1, -2)],
    ['uint8', Uint8Array.of(1, 255)],
    ['int8', Int8Array.of(1, -2)],
    ['bool', Uint8Array.of(1, 0)],
  ] as const) {
    const net = new NetWriter()
    net.input('x', [2], dtype)
    net.output(net.node('Identity', ['x'], {}, 'y'), [2], dtype)
    const map = { dtype, dims: [2], data }
    await withNet(async (session) => {
      expect((await session.run({ x: map })).outputs['y']).toEqual(map)
    }, net.build())
  }
})

test('a wrong shape, a missing input and a wrong type are refused as shape', () =>
  withNet(async (session) => {
    await expect(session.run({})).rejects.toMatchObject({ reason: 'shape' })
    await expect(session.run({ x: randomInput([1, 3, 8, 8]) })).rejects.toMatchObject({ reason: 'shape' })
    const bytes = { dtype: 'uint8', dims: [1, 3, 16, 16], data: new Uint8Array(768) } as const
    await expect(session.run({ x: bytes })).rejects.toMatchObject({ reason: 'shape' })
    const short = { ...randomInput([1, 3, 16, 16]), data: new Float32Array(3) }
    await expect(session.run({ x: short })).rejects.toThrow(/do not fit/)
  }))

test('garbage is malformed, an unknown operator unsupported', async () => {
  await using engine = createOrtNodeEngine()
  await expect(engine.load(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ reason: 'malformed' })
  const net = new NetWriter()
  net.output(net.node('NoSuchOperator', [net.input('x', [2])], {}, 'y'), [2])
  await expect(engine.load(net.build())).rejects.toMatchObject({ reason: 'unsupported' })
  expect(await engine.counters?.()).toEqual({ sessions: 0, liveTensors: 0 })
})

test('an abort rejects with its reason at once, and neither the run nor the session leaks', () =>
  withNet(async (session, engine) => {
    const reason = new Error('answered elsewhere')
    const controller = new AbortController()
    const first = session.run({ x: randomInput([1, 3, 16, 16]) }, { signal: controller.signal })
    const queued = session.run({ x: randomInput([1, 3, 16, 16]) }, { signal: controller.signal })
    const loading = engine.load(smallNet(), { signal: controller.signal })
    controller.abort(reason)
    for (const promise of [first, queued, loading]) await expect(promise).rejects.toBe(reason)
    await session.run({ x: randomInput([1, 3, 16, 16]) })
    expect(await engine.counters?.()).toEqual({ sessions: 1, liveTensors: 0 })
  }))

test('200 cycles of load, run and dispose leave nothing', async () => {
  await using engine = createOrtNodeEngine()
  for (let i = 0; i < 200; i++) {
    await using session = await engine.load(smallNet())
    await session.run({ x: randomInput([1, 3, 16, 16]) })
  }
  expect(await engine.counters?.()).toEqual({ sessions: 0, liveTensors: 0 })
})

test('a disposed session and a disposed engine say so', async () => {
  const engine = createOrtNodeEngine()
  const session = await engine.load(smallNet())
  const other = await engine.load(smallNet())
  await session[Symbol.asyncDispose]()
  await session[Symbol.asyncDispose]()
  await expect(session.run({ x: randomInput([1, 3, 16, 16]) })).rejects.toMatchObject({ reason: 'disposed' })
  await engine[Symbol.asyncDispose]()
  await expect(other.run({ x: randomInput([1, 3, 16, 16]) })).rejects.toBeInstanceOf(EngineError)
  await expect(engine.load(smallNet())).rejects.toMatchObject({ reason: 'disposed' })
})
