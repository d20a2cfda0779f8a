import { seededRandom } from '@roomful/core'
import { expect, test } from 'vitest'
import { digestInput, pixelBytes, sha256Hex } from './digest.ts'
import type { FeatureMap } from './feature-map.ts'
import { preprocess } from './preprocess/preprocess.ts'

const spec = {
  width: 8,
  height: 8,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  resize: 'cover',
  channels: 'RGB',
} as const

function input(seed: number): FeatureMap<'float32'> & { readonly data: Float32Array } {
  const random = seededRandom(seed)
  const data = Uint8Array.from({ length: 256 }, () => random.int(256))
  return { dtype: 'float32', dims: [1, 3, 8, 8], data: preprocess({ width: 8, height: 8, data }, spec) }
}

test('a rounding difference keeps the digest, one pixel level changes it', async () => {
  const map = input(1)
  const digest = await digestInput(map, spec)
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(await digestInput({ ...map, data: map.data.map((x) => Math.fround(x * (1 + 2e-7))) }, spec)).toBe(digest)
  const changed = map.data.slice()
  changed[40] = (changed[40] as number) + 1 / 255 / 0.229
  expect(await digestInput({ ...map, data: changed }, spec)).not.toBe(digest)
  expect(await digestInput(input(2), spec)).not.toBe(digest)
})

test('equal pixels of another shape have another digest', async () => {
  const map = input(1)
  expect(await digestInput({ ...map, dims: [1, 3, 4, 16] }, spec)).not.toBe(await digestInput(map, spec))
})

test('the digest of known bytes is SHA-256', async () => {
  expect(await sha256Hex(new TextEncoder().encode('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('a tensor that is not of the spec is refused', async () => {
  await expect(digestInput({ ...input(1), dims: [1, 1, 8, 24] }, spec)).rejects.toThrow(/do not fit/)
})

test('equal pixels of another size, order of channels or scale are another input', () => {
  const rgb = Uint8Array.from({ length: 36 }, (_, index) => index)
  const small = { ...spec, width: 3, height: 4 }
  expect(pixelBytes(rgb, small)).toEqual(pixelBytes(rgb.slice(), { ...small }))
  const others = [{ width: 4, height: 3 }, { channels: 'BGR' as const }, { mean: [0, 0, 0] }, { std: [1, 1, 1] }]
  for (const other of others) expect(pixelBytes(rgb, { ...small, ...other })).not.toEqual(pixelBytes(rgb, small))
})
