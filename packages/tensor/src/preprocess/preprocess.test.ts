import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coverGeometry, coverPixels } from './cover.ts'
import type { InputSpec, Picture } from './input-spec.ts'
import { preprocess } from './preprocess.ts'
import { PRECISION_BITS, triangleTaps } from './triangle.ts'

const seeded = { seed: 11, numRuns: 100 }

function picture(width: number, height: number, value: (x: number, y: number, c: number) => number): Picture {
  const data = new Uint8ClampedArray(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) data[(y * width + x) * 4 + c] = value(x, y, c)
      data[(y * width + x) * 4 + 3] = 255
    }
  }
  return { width, height, data }
}

const rgb = (width: number, height: number): InputSpec => ({
  width,
  height,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  resize: 'cover',
  channels: 'RGB',
})

const size = fc.record({ width: fc.integer({ min: 1, max: 90 }), height: fc.integer({ min: 1, max: 90 }) })

describe('triangleTaps', () => {
  it('weights of every output sum to one within rounding and stay inside the input', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 400 }), (inSize, outSize) => {
        const taps = triangleTaps(inSize, outSize, 0, outSize)
        for (let i = 0; i < outSize; i++) {
          const first = taps.first[i] ?? -1
          const count = taps.count[i] ?? 0
          expect(first).toBeGreaterThanOrEqual(0)
          expect(count).toBeGreaterThanOrEqual(1)
          expect(count).toBeLessThanOrEqual(taps.stride)
          expect(first + count).toBeLessThanOrEqual(inSize)
          const weights = taps.weights.subarray(i * taps.stride, i * taps.stride + count)
          const sum = weights.reduce((a, b) => a + b, 0)
          expect(Math.abs(sum - (1 << PRECISION_BITS))).toBeLessThanOrEqual(count)
        }
      }),
      seeded,
    )
  })
})

describe('coverPixels', () => {
  // SHA-256 of what Pillow 9.4 gives for `cover` of training/data.py on the same generated pictures.
  it.each([
    [213, 160, 96, '636e5bf2a5fece1742a2d7088c3ccf06334e0730291eddc7c97ba8fa65b4c1bf'],
    [31, 45, 64, 'af024ceda39412d42c3b319c45ba659afa02887bc7894718e490a67a7279e608'],
    [97, 330, 50, '5fb17bffcb0b56ecbf753c0a0a1cb97d04e4d0e79240cbf58193aa6d8f668bbf'],
  ])('gives the pixels of Pillow, bit by bit: %i x %i to %i', (width, height, side, digest) => {
    const source = picture(width, height, (x, y, c) => (x * 7 + y * 13 + c * 29 + ((x * y) % 11) * 5) % 256)
    const pixels = coverPixels(source, side, side)
    expect(createHash('sha256').update(pixels).digest('hex')).toBe(digest)
  })

  it('only crops when the shorter side already has the size', () => {
    const source = picture(7, 4, (x, y, c) => x * 10 + y * 3 + c)
    const pixels = coverPixels(source, 4, 4)
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) expect(pixels[(y * 4 + x) * 3 + 1]).toBe((x + 1) * 10 + y * 3 + 1)
    }
  })

  it('keeps a flat colour flat at any size', () => {
    fc.assert(
      fc.property(size, size, fc.integer({ min: 0, max: 255 }), (from, to, level) => {
        const pixels = coverPixels(
          picture(from.width, from.height, () => level),
          to.width,
          to.height,
        )
        expect(pixels).toHaveLength(to.width * to.height * 3)
        expect(pixels.every((value) => value === level)).toBe(true)
      }),
      seeded,
    )
  })

  it('mirrors with its input when nothing is cropped unevenly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 2, max: 40 }), (side, target) => {
        const level = (x: number, y: number) => (x * 37 + y * 11) % 256
        const plain = coverPixels(picture(side, side, level), target, target)
        const mirrored = coverPixels(
          picture(side, side, (x, y) => level(side - 1 - x, y)),
          target,
          target,
        )
        for (let y = 0; y < target; y++) {
          for (let x = 0; x < target; x++) {
            const a = plain[(y * target + x) * 3] ?? -1
            const b = mirrored[(y * target + target - 1 - x) * 3] ?? -1
            expect(Math.abs(a - b)).toBeLessThanOrEqual(1)
          }
        }
      }),
      seeded,
    )
  })
})

describe('coverGeometry', () => {
  it('covers the target and centres it within one pixel', () => {
    fc.assert(
      fc.property(size, size, (from, to) => {
        const g = coverGeometry(from, to.width, to.height)
        expect(g.scaledWidth).toBeGreaterThanOrEqual(to.width)
        expect(g.scaledHeight).toBeGreaterThanOrEqual(to.height)
        expect(Math.min(g.scaledWidth - to.width, g.scaledHeight - to.height)).toBeLessThanOrEqual(1)
        expect(Math.abs(g.scaledWidth - to.width - 2 * g.left)).toBeLessThanOrEqual(1)
        expect(Math.abs(g.scaledHeight - to.height - 2 * g.top)).toBeLessThanOrEqual(1)
      }),
      seeded,
    )
  })
})

describe('preprocess', () => {
  it('lays channels out as planes and normalises each', () => {
    const source = picture(2, 2, (x, y, c) => [10, 100, 200][c] ?? x + y)
    const spec: InputSpec = { ...rgb(2, 2), mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    const tensor = preprocess(source, spec)
    expect(tensor).toHaveLength(12)
    for (const [c, level] of [10, 100, 200].entries()) {
      const wanted = (level / 255 - (spec.mean[c] ?? 0)) / (spec.std[c] ?? 1)
      for (let i = 0; i < 4; i++) expect(tensor[c * 4 + i]).toBeCloseTo(wanted, 6)
    }
  })

  it('swaps planes for BGR and weighs them for grey', () => {
    const source = picture(1, 1, (_x, _y, c) => [200, 100, 50][c] ?? 0)
    const bgr = preprocess(source, { ...rgb(1, 1), channels: 'BGR' })
    expect([...bgr].map((value) => Math.round(value * 255))).toEqual([50, 100, 200])
    const grey = preprocess(source, { ...rgb(1, 1), channels: 'L', mean: [0], std: [1] })
    expect([...grey].map((value) => Math.round(value * 255))).toEqual([124])
  })

  it('ignores alpha', () => {
    const opaque = picture(5, 4, (x, y, c) => x * y * c)
    const clear = { ...opaque, data: opaque.data.map((value, i) => (i % 4 === 3 ? 0 : value)) }
    expect(preprocess(clear, rgb(3, 3))).toEqual(preprocess(opaque, rgb(3, 3)))
  })

  it('refuses pictures and specs that cannot be', () => {
    const good = picture(2, 2, () => 0)
    expect(() => preprocess({ ...good, width: 3 }, rgb(2, 2))).toThrow(/need 24 bytes, not 16/)
    expect(() => preprocess({ ...good, width: 0 }, rgb(2, 2))).toThrow(/sides must be/)
    expect(() => preprocess({ ...good, height: 1e9 }, rgb(2, 2))).toThrow(/sides must be/)
    expect(() => preprocess(good, { ...rgb(2, 2), std: [1, 0, 1] })).toThrow(/must be positive/)
    expect(() => preprocess(good, { ...rgb(2, 2), mean: [1] })).toThrow(/needs 3 means/)
    expect(() => preprocess(good, rgb(0, 2))).toThrow(/sides must be 1 to 4096/)
  })
})
