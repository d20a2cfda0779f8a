import type { FeatureMap } from '@roomful/tensor'
import { describe, expect, it } from 'vitest'
import { sharedMaps } from './shared-maps.ts'
import { TapMemory } from './tap-memory.ts'
import { giveBack } from './transfer.ts'

const map = (...values: number[]): FeatureMap => {
  return { dtype: 'float32', dims: [values.length], data: Float32Array.from(values) }
}

describe('memory of taps', () => {
  it('is given out once, by name, until it comes back', () => {
    const memory = new TapMemory()
    const buffer = new SharedArrayBuffer(8)
    memory.putMaps({ t1: { dtype: 'float32', dims: [2], data: new Float32Array(buffer) }, t2: map(1) })
    expect(memory.take(['t1', 't2'])).toEqual({ t1: buffer })
    expect(memory.take(['t1'])).toEqual({})
    memory.put('t1', buffer)
    expect(memory.take(['t1'])['t1']).toBe(buffer)
  })

  it('is bounded: the oldest goes', () => {
    const memory = new TapMemory()
    const names = Array.from({ length: 12 }, (_, i) => `t${i}`)
    for (const name of names) memory.put(name, new SharedArrayBuffer(4))
    expect(Object.keys(memory.take(names))).toEqual(names.slice(-8))
  })

  it('takes a map of its size, and another map gets memory of its own', () => {
    const own = globalThis as { crossOriginIsolated?: boolean }
    own.crossOriginIsolated = true
    try {
      const [fits, small] = [new SharedArrayBuffer(8), new SharedArrayBuffer(4)]
      const maps = sharedMaps({ t1: map(1, 2), t2: map(3, 4) }, { t1: fits, t2: small })
      expect(maps['t1']?.data.buffer).toBe(fits)
      expect(maps['t2']?.data.buffer).not.toBe(small)
      expect([maps['t1']?.data, maps['t2']?.data]).toEqual([Float32Array.of(1, 2), Float32Array.of(3, 4)])
    } finally {
      delete own.crossOriginIsolated
    }
  })
})

it('memory that is shared, or that a map has only a part of, is not given back', () => {
  const whole = new Float32Array(4)
  giveBack({ dtype: 'float32', dims: [2], data: whole.subarray(0, 2) })
  const shared = new Float32Array(new SharedArrayBuffer(8))
  giveBack({ dtype: 'float32', dims: [2], data: shared })
  expect([whole.byteLength, shared.byteLength]).toEqual([16, 8])
  giveBack({ dtype: 'float32', dims: [4], data: whole })
  expect(whole.byteLength).toBe('transfer' in ArrayBuffer.prototype ? 0 : 16)
})
