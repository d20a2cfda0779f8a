import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeColours } from './write-colours.ts'

const SEED = 20261123

/** RGBA pixels with the colours of `data` and the alpha of `before`. */
const expected = (before: readonly number[], data: readonly number[], channels: 3 | 4) =>
  before.map((alpha, at) => (at % 4 === 3 ? alpha : data[Math.floor(at / 4) * channels + (at % 4)]))

describe('writing colours', () => {
  it('reads nothing behind the end of a picture that is too short', () => {
    const target = new Uint8ClampedArray(8).fill(9)
    writeColours(target, new Uint8Array(new ArrayBuffer(16), 4, 4).fill(7), 4)
    expect([...target]).toEqual([7, 7, 7, 9, 0, 0, 0, 9])
  })

  it.each([3, 4] as const)('keeps the alpha, wherever in its memory a picture of %i channels begins', (channels) => {
    const bytes = (length: number) =>
      fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length })
    const pixels = fc.integer({ min: 0, max: 20 }).chain((count) => fc.tuple(bytes(4 * count), bytes(channels * count)))
    const offset = fc.integer({ min: 0, max: 7 })
    fc.assert(
      fc.property(pixels, offset, offset, ([before, data], targetAt, dataAt) => {
        const target = new Uint8ClampedArray(new ArrayBuffer(targetAt + before.length), targetAt)
        target.set(before)
        const source = new Uint8Array(new ArrayBuffer(dataAt + data.length), dataAt)
        source.set(data)
        writeColours(target, source, channels)
        expect([...target]).toEqual(expected(before, data, channels))
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})
