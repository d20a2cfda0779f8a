import type { Backend, BackendSpeed } from '@roomful/core'
import { EngineError, type InferenceEngine } from '@roomful/engine'
import { beforeEach, describe, expect, it } from 'vitest'
import { EnginePool, speedsWithout } from './engine-pool.ts'

interface FakeEngine extends InferenceEngine {
  lose(error: EngineError): void
  disposed: boolean
}

function fakeEngine(backend: Backend, threads: number): FakeEngine {
  let lose: (error: EngineError) => void = () => {}
  const lost = new Promise<EngineError>((resolve) => {
    lose = resolve
  })
  const engine: FakeEngine = {
    backend,
    threads,
    lost,
    lose: (error) => lose(error),
    disposed: false,
    load: () => Promise.reject(new EngineError('unsupported', 'not here')),
    async [Symbol.asyncDispose]() {
      engine.disposed = true
    },
  }
  return engine
}

const speed = (backend: Backend, threads = 1): BackendSpeed => ({
  backend,
  threads,
  gmacsPerSecond: 1,
  overheadMs: 1,
})
const gone = new EngineError('lost', 'device.lost: the driver was reset')

let made: FakeEngine[]
let lost: string[]
let refuse: EngineError | undefined
let pool: EnginePool

beforeEach(() => {
  made = []
  lost = []
  refuse = undefined
  pool = new EnginePool(
    (backend, error) => {
      lost.push(`${backend}: ${error.message}`)
      pool.speeds = speedsWithout([speed('ort-webgpu'), speed('ort-wasm', 4)], backend)
    },
    async (backend, { threads = 1 } = {}) => {
      if (refuse !== undefined) throw refuse
      const engine = fakeEngine(backend, threads)
      made.push(engine)
      return engine
    },
  )
  pool.speeds = [speed('ort-webgpu'), speed('ort-wasm', 4)]
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('EnginePool', () => {
  it('starts each backend when it is first needed, once, with the threads that were measured best', async () => {
    expect(made).toEqual([])
    const [one, two] = await Promise.all([pool.engine('ort-wasm'), pool.engine('ort-wasm')])
    expect(one).toBe(two)
    expect(made.map(({ backend, threads }) => [backend, threads])).toEqual([['ort-wasm', 4]])
  })

  it('falls back to WASM when the GPU is lost: it is told once, and is no backend of this device any more', async () => {
    const gpu = (await pool.engine('ort-webgpu')) as FakeEngine
    await pool.engine('ort-wasm')
    expect(pool.backends).toEqual(['ort-webgpu', 'ort-wasm'])
    gpu.lose(gone)
    await turn()
    expect(lost).toEqual(['ort-webgpu: device.lost: the driver was reset'])
    expect(pool.backends).toEqual(['ort-wasm'])
  })

  it('starts a lost backend anew for whoever asks again', async () => {
    const first = (await pool.engine('ort-wasm')) as FakeEngine
    first.lose(new EngineError('lost', 'the worker has crashed'))
    await turn()
    // WASM needs no hardware: it stays, and plans may name it.
    expect(pool.backends).toContain('ort-wasm')
    const second = await pool.engine('ort-wasm')
    expect(second).not.toBe(first)
    expect(made).toHaveLength(2)
  })

  it('forgets a backend that could not be started', async () => {
    refuse = new EngineError('unavailable', 'no adapter')
    await expect(pool.engine('ort-webgpu')).rejects.toThrow('no adapter')
    refuse = undefined
    await expect(pool.engine('ort-webgpu')).resolves.toMatchObject({ backend: 'ort-webgpu' })
  })

  it('knows WASM where nothing has been measured', () => {
    pool.speeds = []
    expect(pool.backends).toEqual(['ort-wasm'])
  })

  it('disposes all engines when the device leaves, tells of none that ends with it, and starts no more', async () => {
    await pool.engine('ort-webgpu')
    await pool.engine('ort-wasm')
    await pool[Symbol.asyncDispose]()
    for (const engine of made) engine.lose(new EngineError('disposed', 'the engine is disposed'))
    await turn()
    expect(made.map(({ disposed }) => disposed)).toEqual([true, true])
    expect(lost).toEqual([])
    await expect(pool.engine('ort-wasm')).rejects.toMatchObject({ reason: 'disposed' })
  })
})
