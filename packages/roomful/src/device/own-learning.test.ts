import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type OwnLearning, readOwnLearning } from './own-learning.ts'

const SEED = 7
const run = { utilisation: 0.5, idleMs: 10, ms: 14 }
const backend = { speed: '{}', factor: 1.3, loaded: [run] }
const sound: OwnLearning = { version: 1, backends: { 'ort-wasm': backend } }
const ms = fc.double({ min: 0.001, max: 600_000, noNaN: true })
const learning = fc.record({
  version: fc.constant(1 as const),
  backends: fc.dictionary(
    fc.constantFrom('ort-wasm', 'ort-webgpu', 'tfjs-webgl'),
    fc.record({
      speed: fc.string({ maxLength: 40 }),
      factor: fc.double({ min: 0.25, max: 4, noNaN: true }),
      loaded: fc.array(fc.record({ utilisation: fc.double({ min: 0, max: 1, noNaN: true }), idleMs: ms, ms }), {
        maxLength: 64,
      }),
    }),
    { minKeys: 1, noNullPrototype: true },
  ),
})

describe('readOwnLearning', () => {
  it('reads what was kept, as it was', () => {
    fc.assert(
      fc.property(learning, (one) => {
        expect(readOwnLearning(structuredClone(one))).toEqual(one)
      }),
      { seed: SEED },
    )
  })

  it('never throws and gives only what it would read again, whatever storage holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.record({ version: fc.constant(1), backends: fc.anything() })), (value) => {
        const read = readOwnLearning(value)
        if (read !== undefined) expect(readOwnLearning(read)).toEqual(read)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('ignores other versions and what is no record', () => {
    for (const other of [undefined, null, 3, [], { ...sound, version: 2 }, { 'ort-wasm': 1.3 }, { version: 1 }])
      expect(readOwnLearning(other)).toBeUndefined()
  })

  it('leaves a broken backend out and keeps the others', () => {
    const broken = [null, { ...backend, factor: 0 }, { ...backend, factor: Number.NaN }, { ...backend, speed: 3 }]
    for (const one of broken) {
      expect(readOwnLearning({ version: 1, backends: { 'ort-webgpu': one, 'ort-wasm': backend } })).toEqual(sound)
      expect(readOwnLearning({ version: 1, backends: { 'ort-webgpu': one } })).toBeUndefined()
    }
  })

  it('leaves broken runs out, and all but the newest', () => {
    const wrong = [null, { ...run, utilisation: 1.1 }, { ...run, ms: -1 }, { ...run, idleMs: Number.POSITIVE_INFINITY }]
    const many = Array.from({ length: 100 }, (_, at) => ({ ...run, ms: at + 1 }))
    const loaded = (runs: readonly unknown[]) =>
      readOwnLearning({ version: 1, backends: { 'ort-wasm': { ...backend, loaded: runs } } })?.backends['ort-wasm']
        ?.loaded
    expect(loaded([...wrong, run])).toEqual([run])
    expect(loaded(many)).toEqual(many.slice(-64))
    expect(loaded([])).toEqual([])
  })
})
