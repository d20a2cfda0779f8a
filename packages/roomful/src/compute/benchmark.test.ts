import type { BackendSpeed } from '@roomful/core'
import { type BenchmarkOptions, benchmarkBackends, wasmThreads } from '@roomful/engine'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { SettingsStore } from '../device/settings.ts'
import { measureDevice } from './benchmark.ts'

vi.mock('@roomful/engine', () => ({ benchmarkBackends: vi.fn(), wasmThreads: vi.fn(() => 4) }))

const wasm = (threads: number, gmacsPerSecond: number): BackendSpeed => ({
  backend: 'ort-wasm',
  threads,
  gmacsPerSecond,
  overheadMs: 1,
})

/** A browser in which these are measured, in order; `undefined` is four threads that fail. */
function measures(...results: readonly (BackendSpeed | undefined)[]): void {
  vi.mocked(benchmarkBackends).mockImplementation(async function* (options: BenchmarkOptions = {}) {
    for (const speed of results) {
      if (speed === undefined) options.onProgress?.({ backend: 'ort-wasm', threads: 4, phase: 'failed' })
      else yield speed
    }
  })
}

const settings: SettingsStore = { read: async () => ({}), write: async () => {} }

async function speedsTold(): Promise<number[][]> {
  const told: number[][] = []
  await measureDevice(settings, {
    onProgress: () => {},
    onSpeeds: (speeds) => told.push(speeds.map((speed) => speed.threads)),
    idle: async () => {},
    signal: new AbortController().signal,
  })
  return told
}

beforeEach(() => {
  vi.stubGlobal('navigator', { userAgent: 'test', hardwareConcurrency: 8 })
  vi.stubGlobal('crossOriginIsolated', true)
})
afterEach(() => vi.unstubAllGlobals())

it('tells of WASM once its threads are measured too, so that no engine starts with one of them', async () => {
  measures(wasm(1, 2), wasm(4, 6))
  expect(await speedsTold()).toEqual([[4], [4]])
})

it('tells of one thread when the others fail', async () => {
  measures(wasm(1, 2), undefined)
  expect(await speedsTold()).toEqual([[1], [1]])
})

it('tells of one thread at once where there are no others', async () => {
  vi.mocked(wasmThreads).mockReturnValueOnce(1)
  measures(wasm(1, 2))
  expect(await speedsTold()).toEqual([[1], [1]])
})

it('ends without speeds where nothing runs', async () => {
  measures()
  expect(await speedsTold()).toEqual([[]])
})
