import type { BackendSpeed } from '@roomful/core'
import type { InferenceEngine } from '@roomful/engine'
import { beforeEach, expect, it, vi } from 'vitest'
import type { Planning } from '../plan/planning.ts'
import { fitSpeeds } from './fit-speeds.ts'

const { runs, lost } = vi.hoisted(() => ({ runs: [] as string[], lost: new Set<string>() }))

vi.mock('@roomful/engine', () => ({
  microBenchmark: vi.fn(
    async (used: readonly { backend: string }[], { between }: { between?: () => Promise<void> }) => {
      await between?.()
      runs.push(used.map(({ backend }) => backend).join(' '))
      if (used.some(({ backend }) => lost.has(backend))) throw new Error('lost')
      return used.map(() => [{ layers: [], inputElements: 1, outputElements: 1, ms: 1 }])
    },
  ),
}))

const speed = (backend: BackendSpeed['backend']): BackendSpeed => ({
  backend,
  threads: 1,
  gmacsPerSecond: 2,
  overheadMs: 1,
})
const engines = { engine: async (backend: string) => ({ backend }) as InferenceEngine }
const planning: Pick<Planning, 'fit'> = {
  fit: async (measured) => measured.map((one) => ({ ...one.speed, coefficients: { conv: [1] } })),
}

beforeEach(() => {
  runs.length = 0
  lost.clear()
})

it('gives every backend that can be measured its coefficients, and asks before each', async () => {
  lost.add('tfjs-webgl')
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

it('measures the two engines of a CPU by turns, and each alone where the other is lost', async () => {
  const { signal } = new AbortController()
  const known = [speed('ort-wasm'), speed('ort-webgpu'), speed('tfjs-wasm')]
  const fitted = async () => {
    let last: readonly BackendSpeed[] = known
    for await (const speeds of fitSpeeds(known, { engines, planning, signal })) last = speeds
    return last.filter(({ coefficients }) => coefficients !== undefined).map(({ backend }) => backend)
  }
  expect(await fitted()).toEqual(['ort-wasm', 'ort-webgpu', 'tfjs-wasm'])
  expect(runs).toEqual(['ort-wasm tfjs-wasm', 'ort-webgpu'])
  runs.length = 0
  lost.add('tfjs-wasm')
  expect(await fitted()).toEqual(['ort-wasm', 'ort-webgpu'])
  expect(runs).toEqual(['ort-wasm tfjs-wasm', 'ort-wasm', 'tfjs-wasm', 'ort-webgpu'])
})

it('measures nothing twice, and stops when the device leaves', async () => {
  const stop = new AbortController()
  const known = [{ ...speed('ort-wasm'), coefficients: { conv: [1] } }]
  for await (const _ of fitSpeeds(known, { engines, planning, signal: stop.signal })) expect.unreachable()
  stop.abort(new Error('left'))
  const fitting = fitSpeeds([speed('ort-wasm')], { engines, planning, signal: stop.signal })
  await expect(fitting.next()).rejects.toThrow('left')
})
