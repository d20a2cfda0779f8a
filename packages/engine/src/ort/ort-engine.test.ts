import { describe, expect, it } from 'vitest'
import { OrtEngine } from './ort-engine.ts'
import type { OrtRuntime, OrtSession } from './runtime.ts'

/** ONNX Runtime whose sessions only tell of their release; `live` has those that are not released. */
function counted(keepsDevice: boolean) {
  const live = new Set<number>()
  let made = 0
  const create = async (): Promise<OrtSession> => {
    const id = ++made
    live.add(id)
    return { inputNames: [], outputNames: [], release: async () => void live.delete(id) } as unknown as OrtSession
  }
  const runtime = { InferenceSession: { create } } as unknown as OrtRuntime
  const engine = new OrtEngine({ runtime, backend: 'ort-webgpu', threads: 1, session: {}, keepsDevice })
  return { engine, live, load: () => engine.load(new Uint8Array()) }
}

describe('sessions of a backend that gives its device up with the last one', () => {
  it('keeps the last one until another one stands, so that a new plan finds the device', async () => {
    const { engine, live, load } = counted(true)
    const [one, two] = [await load(), await load()]
    await one[Symbol.asyncDispose]()
    expect([...live]).toEqual([2])
    await two[Symbol.asyncDispose]()
    expect([...live]).toEqual([2])
    expect(await engine.counters()).toEqual({ sessions: 0, liveTensors: 0 })
    const three = await load()
    expect([...live]).toEqual([3])
    await three[Symbol.asyncDispose]()
    await three[Symbol.asyncDispose]()
    expect([...live]).toEqual([3])
    await engine[Symbol.asyncDispose]()
    expect([...live]).toEqual([])
  })

  it('never keeps more than one, whatever is loaded and disposed', async () => {
    const { engine, live, load } = counted(true)
    for (let change = 0; change < 100; change++) {
      const some = await Promise.all([load(), load(), load()])
      await Promise.all(some.map((one) => one[Symbol.asyncDispose]()))
      expect(live.size).toBe(1)
    }
    await engine[Symbol.asyncDispose]()
    expect(live.size).toBe(0)
  })

  it('releases each at once elsewhere', async () => {
    const { live, load } = counted(false)
    const one = await load()
    await one[Symbol.asyncDispose]()
    expect(live.size).toBe(0)
  })
})
