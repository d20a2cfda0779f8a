import { seededRandom } from '@roomful/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { channelLayout, dequantise, quantise } from './quantise.ts'
import { reluMap } from './testing/relu-map.ts'

const values = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
  minLength: 1,
  maxLength: 70,
})

test('no value errs by more than half a step, and zero stays zero', () => {
  fc.assert(
    fc.property(
      values,
      fc.constantFrom(8 as const, 4 as const),
      fc.integer({ min: 1, max: 3 }),
      (list, bits, times) => {
        const data = Float32Array.from(Array.from({ length: times }, () => list).flat())
        const layout = { channels: times, size: list.length }
        const quantised = quantise(data, layout, bits)
        const back = dequantise(quantised, layout)
        for (const [i, x] of data.entries()) {
          const channel = Math.floor(i / list.length)
          const step = quantised.parameters[channel * 2 + 1] as number
          const rounding = Math.max(...list.map(Math.abs)) * 2 ** -23 + 1e-36
          expect(Math.abs((back[i] as number) - x)).toBeLessThanOrEqual(step / 2 + rounding)
          if (x === 0) expect(back[i]).toBe(0)
        }
      },
    ),
    { seed: 12, numRuns: 500 },
  )
})

test('constant channels are exact', () => {
  const layout = { channels: 3, size: 20 }
  const data = new Float32Array(60).fill(3.7, 20, 40).fill(-1.3, 40)
  for (const bits of [8, 4] as const) expect(dequantise(quantise(data, layout, bits), layout)).toEqual(data)
})

test('an eight-bit post-ReLU map keeps 40 dB and more', () => {
  const map = reluMap([1, 32, 20, 20], seededRandom(1))
  const layout = channelLayout(map.dims)
  const back = dequantise(quantise(map.data, layout, 8), layout)
  const noise = map.data.reduce((sum, x, i) => sum + (x - (back[i] as number)) ** 2, 0)
  const signal = map.data.reduce((sum, x) => sum + x * x, 0)
  expect(10 * Math.log10(signal / noise)).toBeGreaterThan(40)
})

test('NaN and infinity are refused', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const data = new Float32Array(32)
    data[17] = bad
    expect(() => quantise(data, { channels: 2, size: 16 }, 8)).toThrow(/NaN or infinity/)
  }
})

test('parameters are shared by channel, by sample where channels are tiny, and by all in vectors', () => {
  expect(channelLayout([1, 64, 20, 20])).toEqual({ channels: 64, size: 400 })
  expect(channelLayout([2, 64, 1, 1])).toEqual({ channels: 2, size: 64 })
  expect(channelLayout([4, 1000])).toEqual({ channels: 4, size: 1000 })
  expect(channelLayout([1000])).toEqual({ channels: 1, size: 1000 })
  expect(channelLayout([1, 0, 4, 4])).toEqual({ channels: 0, size: 0 })
  expect(channelLayout([])).toEqual({ channels: 1, size: 1 })
})
