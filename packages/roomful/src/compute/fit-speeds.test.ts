import type { BackendSpeed } from '@roomful/core'
import type { InferenceEngine } from '@roomful/engine'
import { expect, it, vi } from 'vitest'
import { fitSpeeds } from './fit-speeds.ts'

vi.mock('@roomful/engine', () => ({
  microBenchmark: vi.fn(async (engine: { backend: string }, { between }: { between?: () => Promise<void> }) => {
    await between?.()
    if (engine.backend === 'tfjs-webgl') throw new Error('context lost')
    return [{ layers: [], inputElements: 1, outputElements: 1, ms: 1 }]
  }),
}))

const speed = (backend: BackendSpeed['backend']): BackendSpeed => ({
  backend,
  threads: 1,
  gmacsPerSecond: 2,
  overheadMs: 1,
})
const engines = { engine: async (backend: string) => ({ backend }) as InferenceEngine }
const planning = { fit: async (one: BackendSpeed) => ({ ...one, coefficients: { conv: [1] } }) }

it('gives every backend that can be measured its coefficients, and asks before each', async () => {
  const between = vi.fn(async () => {})
  const { signal } = new AbortController()
  const told: string[][] = []
  const known = [speed('ort-webgpu'), speed('tfjs-webgl'), speed('ort-wasm')]
  for await (const speeds of fitSpeeds(known, { engines, planning, between, signal })) {
    told.push(speeds.filter(({ coefficients }) => coefficients !== undefined).map(({ backend }) => backend))
  }
  expect(told).toEqual([['ort-webgpu'], ['ort-webgpu', 'ort-wasm']])
  expect(between).toHaveBeenCalledTimes(3)
})

it('measures nothing twice, and stops when the device leaves', async () => {
  const stop = new AbortController()
  const known = [{ ...speed('ort-wasm'), coefficients: { conv: [1] } }]
  for await (const _ of fitSpeeds(known, { engines, planning, signal: stop.signal })) expect.unreachable()
  stop.abort(new Error('left'))
  const fitting = fitSpeeds([speed('ort-wasm')], { engines, planning, signal: stop.signal })
  await expect(fitting.next()).rejects.toThrow('left')
})
