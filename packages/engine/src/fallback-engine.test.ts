import type { Backend } from '@roomful/core'
import { expect, it } from 'vitest'
import { EngineError, type InferenceEngine, type StageSession } from './engine.ts'
import { FallbackEngine } from './fallback-engine.ts'

function fake(backend: Backend, refuses: EngineError['reason'] | undefined) {
  const loaded: number[] = []
  const state = { disposed: false, loaded }
  const session = { inputs: [backend] } as unknown as StageSession
  const engine: InferenceEngine = {
    backend,
    threads: 2,
    lost: new Promise(() => {}),
    async load(stage) {
      if (refuses !== undefined) throw new EngineError(refuses, 'no')
      loaded.push(stage.byteLength)
      return session
    },
    counters: async () => ({ sessions: loaded.length, liveTensors: 1 }),
    async [Symbol.asyncDispose]() {
      state.disposed = true
    },
  }
  return { engine, state }
}

it('loads what the first engine lacks into the second, which is made once and only then', async () => {
  const [first, second] = [fake('tfjs-wasm', 'unsupported'), fake('ort-wasm', undefined)]
  let opened = 0
  const engine = new FallbackEngine(first.engine, async () => {
    opened++
    return second.engine
  })
  expect([engine.backend, engine.threads, opened]).toEqual(['tfjs-wasm', 2, 0])
  expect((await engine.load(new Uint8Array(3))).inputs).toEqual(['ort-wasm'])
  await engine.load(new Uint8Array(4))
  expect([opened, second.state.loaded]).toEqual([1, [3, 4]])
  expect(await engine.counters()).toEqual({ sessions: 2, liveTensors: 2 })
  await engine[Symbol.asyncDispose]()
  expect([first.state.disposed, second.state.disposed]).toEqual([true, true])
})

it('keeps to the first engine where that can, and tells what else is wrong', async () => {
  const opened = () => Promise.reject(new Error('not needed'))
  const able = new FallbackEngine(fake('tfjs-wasm', undefined).engine, opened)
  expect((await able.load(new Uint8Array(1))).inputs).toEqual(['tfjs-wasm'])
  const broken = new FallbackEngine(fake('tfjs-wasm', 'malformed').engine, opened)
  await expect(broken.load(new Uint8Array(1))).rejects.toMatchObject({ reason: 'malformed' })
})

it('tries again when the second engine could not be made', async () => {
  let opened = 0
  const engine = new FallbackEngine(fake('tfjs-wasm', 'unsupported').engine, async () => {
    if (++opened === 1) throw new EngineError('unavailable', 'the download broke off')
    return fake('ort-wasm', undefined).engine
  })
  await expect(engine.load(new Uint8Array(1))).rejects.toMatchObject({ reason: 'unavailable' })
  expect((await engine.load(new Uint8Array(1))).inputs).toEqual(['ort-wasm'])
  await engine[Symbol.asyncDispose]()
})
