import { VirtualClock } from '@roomful/core'
import { expect, test } from 'vitest'
import { EngineError } from '../engine.ts'
import { createOrtNodeEngine } from '../node/ort-node-engine.ts'
import { randomInput, smallNet } from '../testing/nets.ts'
import { nodeWorkerPorts } from '../testing/node-port.ts'
import { serveEngine } from './engine-host.ts'
import type { HostedEngine } from './messages.ts'
import { WorkerEngine, type WorkerEngineOptions } from './worker-engine.ts'

const HOSTED: HostedEngine = { backend: 'ort-wasm', threads: 1, optimisation: 'all' }

async function hosted(options: WorkerEngineOptions = {}) {
  const ports = nodeWorkerPorts()
  const inner = createOrtNodeEngine()
  serveEngine(ports.host, async () => inner)
  return { ports, inner, engine: await WorkerEngine.open(ports.main, HOSTED, options) }
}

test('an engine in a worker answers as the one in the process', async () => {
  const { engine, inner } = await hosted()
  const session = await engine.load(smallNet())
  const direct = await inner.load(smallNet())
  expect([session.inputs, session.outputs]).toEqual([direct.inputs, direct.outputs])
  const x = randomInput([1, 3, 16, 16])
  expect((await session.run({ x }, { keepInputs: true })).outputs).toEqual((await direct.run({ x })).outputs)
  await direct[Symbol.asyncDispose]()
  expect(await engine.counters()).toEqual({ sessions: 1, liveTensors: 0 })
  await session[Symbol.asyncDispose]()
  expect(await engine.counters()).toEqual({ sessions: 0, liveTensors: 0 })
  await engine[Symbol.asyncDispose]()
})

test('inputs are moved to the worker unless they are to be kept or share their buffer', async () => {
  const { engine } = await hosted()
  const session = await engine.load(smallNet())
  const kept = randomInput([1, 3, 16, 16])
  await session.run({ x: kept }, { keepInputs: true })
  expect(kept.data.length).toBe(768)
  const view = { ...kept, data: new Float32Array(800).subarray(0, 768) }
  await session.run({ x: view })
  expect(view.data.length).toBe(768)
  await session.run({ x: kept })
  expect(kept.data.length).toBe(0)
  await expect(session.run({ x: kept })).rejects.toMatchObject({ reason: 'shape' })
  await engine[Symbol.asyncDispose]()
})

test('errors keep their class, reason and message over the boundary', async () => {
  const { engine } = await hosted()
  const failing = engine.load(Uint8Array.of(1, 2, 3), { label: 'segment 2' })
  await expect(failing).rejects.toBeInstanceOf(EngineError)
  await expect(failing).rejects.toMatchObject({ reason: 'malformed', message: expect.stringContaining('segment 2') })
  await engine[Symbol.asyncDispose]()
})

test('an aborted run that waits never reaches the worker; one under way is let go', async () => {
  const { engine, inner } = await hosted()
  const session = await engine.load(smallNet())
  const reason = new Error('an exit was confident')
  const controller = new AbortController()
  const under = session.run({ x: randomInput([1, 3, 16, 16]) }, { signal: controller.signal })
  const waits = session.run({ x: randomInput([1, 3, 16, 16]) }, { signal: controller.signal })
  const loads = engine.load(smallNet(), { signal: controller.signal })
  controller.abort(reason)
  for (const promise of [under, waits, loads]) await expect(promise).rejects.toBe(reason)
  await session.run({ x: randomInput([1, 3, 16, 16]) })
  expect(await inner.counters?.()).toEqual({ sessions: 1, liveTensors: 0 })
  await engine[Symbol.asyncDispose]()
})

test('a session whose load is aborted on the way is given back', async () => {
  const { engine } = await hosted()
  const controller = new AbortController()
  const loading = engine.load(smallNet(), { signal: controller.signal })
  await new Promise((resolve) => setImmediate(resolve))
  controller.abort(new Error('no longer needed'))
  await expect(loading).rejects.toThrow('no longer needed')
  await expect.poll(() => engine.counters()).toEqual({ sessions: 0, liveTensors: 0 })
  await engine[Symbol.asyncDispose]()
})

test('a crash of the worker ends what is under way and what comes later as lost', async () => {
  const { engine, ports } = await hosted()
  const session = await engine.load(smallNet())
  const running = session.run({ x: randomInput([1, 3, 16, 16]) })
  await Promise.resolve()
  ports.crash('out of memory')
  await expect(running).rejects.toMatchObject({ reason: 'lost' })
  expect((await engine.lost).message).toContain('out of memory')
  expect(ports.terminated()).toBe(true)
  await expect(engine.load(smallNet())).rejects.toMatchObject({ reason: 'lost' })
  await session[Symbol.asyncDispose]()
})

test('a worker that says nothing is terminated at its deadline and counts as lost', async () => {
  const clock = new VirtualClock()
  const ports = nodeWorkerPorts()
  const opening = WorkerEngine.open(ports.main, HOSTED, { clock, timeouts: { openMs: 500 } })
  const outcome = expect(opening).rejects.toMatchObject({ reason: 'timeout' })
  await clock.advance(500)
  await outcome
  expect(ports.terminated()).toBe(true)
  expect(clock.pending).toBe(0)
})

test('an aborted start terminates the worker', async () => {
  const ports = nodeWorkerPorts()
  const controller = new AbortController()
  const opening = WorkerEngine.open(ports.main, HOSTED, { signal: controller.signal })
  controller.abort(new Error('left the room'))
  await expect(opening).rejects.toThrow('left the room')
  expect(ports.terminated()).toBe(true)
})

test('disposing the engine ends runs with disposed and tells nobody of a loss', async () => {
  const { engine, ports } = await hosted()
  const session = await engine.load(smallNet())
  const running = session.run({ x: randomInput([1, 3, 16, 16]) })
  const outcome = expect(running).rejects.toMatchObject({ reason: 'disposed' })
  await engine[Symbol.asyncDispose]()
  await outcome
  expect(ports.terminated()).toBe(true)
  expect(await Promise.race([engine.lost, Promise.resolve('still there')])).toBe('still there')
})

test('a loss that the worker reports ends the engine', async () => {
  const ports = nodeWorkerPorts()
  const inner = createOrtNodeEngine()
  let lose: (error: EngineError) => void = () => {}
  const lost = new Promise<EngineError>((resolve) => {
    lose = resolve
  })
  serveEngine(ports.host, async () => ({
    backend: 'ort-webgpu',
    threads: 1,
    lost,
    load: (stage) => inner.load(stage),
    [Symbol.asyncDispose]: async () => {},
  }))
  const engine = await WorkerEngine.open(ports.main, HOSTED)
  lose(new EngineError('lost', 'the GPU device was lost'))
  expect((await engine.lost).reason).toBe('lost')
  await expect(engine.load(smallNet())).rejects.toThrow('GPU device')
})
