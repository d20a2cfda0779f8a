import { expect, test } from 'vitest'
import { fromHalf, toHalf } from './half.ts'

const one = (value: number) => toHalf(Float32Array.of(value))[0] as number

test('every half goes to float32 and back unchanged', () => {
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits)
  const back = toHalf(fromHalf(all))
  for (let bits = 0; bits < 0x10000; bits++) {
    const isNan = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0
    if (isNan) expect((back[bits] as number) & 0x7e00).toBe(0x7e00)
    else if (back[bits] !== bits) expect.fail(`half ${bits.toString(16)} came back as ${back[bits]?.toString(16)}`)
  }
})

test('known values round to nearest, ties to even', () => {
  expect(one(1)).toBe(0x3c00)
  expect(one(-2)).toBe(0xc000)
  expect(one(1 + 2 ** -11)).toBe(0x3c00)
  expect(one(1 + 3 * 2 ** -11)).toBe(0x3c02)
  expect(one(2 ** -24)).toBe(0x0001)
  expect(one(2 ** -25)).toBe(0x0000)
  expect(one(2 ** -14 - 2 ** -25)).toBe(0x0400)
  expect(one(-0)).toBe(0x8000)
})

test('finite values saturate, infinities and NaN stay', () => {
  expect(one(65504)).toBe(0x7bff)
  expect(one(65520)).toBe(0x7bff)
  expect(one(1e30)).toBe(0x7bff)
  expect(one(-1e30)).toBe(0xfbff)
  expect(one(Number.POSITIVE_INFINITY)).toBe(0x7c00)
  expect(fromHalf(Uint16Array.of(one(Number.NaN)))[0]).toBeNaN()
})

test('the error is at most half a unit in the last place, over the whole range', () => {
  for (let x = 2 ** -14; x < 60_000; x *= 1.0137) {
    const back = fromHalf(Uint16Array.of(one(x)))[0] as number
    expect(Math.abs(back - x)).toBeLessThanOrEqual(2 ** (Math.floor(Math.log2(x)) - 11) * 1.0001)
  }
})
