import { seededRandom, type WireFormat } from '@roomful/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocate, DTYPE_BYTES } from '../dtype.ts'
import { TensorError } from '../error.ts'
import { type DType, elementCount, type FeatureMap } from '../feature-map.ts'
import { reluMap } from '../testing/relu-map.ts'
import { decodeFeature, decodeFeatureSync, encodedBytes, encodeFeature, encodeFeatureSync } from './codec.ts'

const dtypes = Object.keys(DTYPE_BYTES) as DType[]
const bitsArbitrary = fc.constantFrom<WireFormat['bits']>(32, 16, 8, 4)
const entropyArbitrary = fc.constantFrom<WireFormat['entropy']>('none', 'deflate')
const dimsArbitrary = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 5 })

function randomMap(dtype: DType, dims: readonly number[], seed: number): FeatureMap {
  const random = seededRandom(seed)
  const data = allocate(dtype, elementCount(dims))
  for (let i = 0; i < data.length; i++) {
    if (dtype === 'int64') data[i] = BigInt(random.int(1000)) - 500n
    else if (dtype === 'float32') data[i] = random.next() * 8 - 2
    else if (dtype === 'float16') data[i] = random.int(0x7c00) | (random.int(2) << 15)
    else data[i] = random.int(200)
  }
  return { dtype, dims, data }
}

test('every element type survives every wire format: integers exactly, floats within their precision', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...dtypes),
      dimsArbitrary,
      bitsArbitrary,
      entropyArbitrary,
      fc.nat(),
      async (dtype, dims, bits, entropy, seed) => {
        const map = randomMap(dtype, dims, seed)
        const bytes = await encodeFeature(map, { bits, entropy })
        const back = await decodeFeature(bytes)
        expect(back.dtype).toBe(dtype)
        expect(back.dims).toEqual(dims)
        expect(bytes.length).toBeLessThanOrEqual(encodedBytes(dtype, dims, bits))
        const exact = bits === 32 || (dtype !== 'float32' && (dtype !== 'float16' || bits === 16))
        if (exact) expect(back.data).toEqual(map.data)
        else if (dtype === 'float32') {
          const tolerance = bits === 16 ? 2 ** -9 : bits === 8 ? 8 / 255 / 1.9 : 4
          for (const [i, x] of map.data.entries()) {
            expect(Math.abs(Number(back.data[i]) - Number(x))).toBeLessThanOrEqual(tolerance)
          }
        }
      },
    ),
    { seed: 13, numRuns: 300 },
  )
})

test('zeros of a post-ReLU map are left out, exactly, and dense maps stay dense', async () => {
  const map = reluMap([1, 32, 20, 20], seededRandom(3))
  map.data[5] = -0
  for (const bits of [32, 16, 8, 4] as const) {
    const bytes = await encodeFeature(map, { bits, entropy: 'none' })
    const limit = bits === 4 ? 1 : 0.75
    expect(bytes.length).toBeLessThan(encodedBytes('float32', map.dims, bits) * limit)
    expect(encodeFeatureSync(map, bits)).toEqual(bytes)
    const back = await decodeFeature(bytes)
    expect(back).toEqual(decodeFeatureSync(bytes))
    if (bits === 32) expect(back).toEqual(map)
    else for (const [i, x] of map.data.entries()) if (x === 0) expect(Math.abs(Number(back.data[i]))).toBe(0)
  }
  const full: FeatureMap = { dtype: 'float32', dims: [1, 4, 9, 9], data: new Float32Array(324).fill(1.5, 0, 300) }
  expect(encodeFeatureSync(full, 32).length).toBe(encodedBytes('float32', full.dims, 32))
})

test('deflate shrinks a smooth map further and is dropped where it does not', async () => {
  const data = Float32Array.from({ length: 12_800 }, (_, i) => Math.max(0, Math.sin(i / 40)))
  const map: FeatureMap = { dtype: 'float32', dims: [1, 32, 20, 20], data }
  for (const bits of [32, 16, 8, 4] as const) {
    const plain = await encodeFeature(map, { bits, entropy: 'none' })
    const small = await encodeFeature(map, { bits, entropy: 'deflate' })
    expect(small.length).toBeLessThan(plain.length * 0.95)
    expect(await decodeFeature(small)).toEqual(await decodeFeature(plain))
  }
  const random = seededRandom(4)
  const noise: FeatureMap = {
    dtype: 'uint8',
    dims: [5000],
    data: Uint8Array.from({ length: 5000 }, () => random.int(256)),
  }
  const bytes = await encodeFeature(noise, { bits: 32, entropy: 'deflate' })
  expect(bytes.length).toBe(encodedBytes('uint8', [5000], 32))
  expect(await decodeFeature(bytes)).toEqual(noise)
})

test('a zero mask that does not fit its elements is refused', async () => {
  const sparse = encodeFeatureSync(reluMap([1, 3, 9, 5], seededRandom(3)), 8)
  expect(sparse[6]).toBe(1)
  const flipped = sparse.slice()
  const maskAt = 8 + 16 + 3 * 8
  flipped[maskAt] = (flipped[maskAt] ?? 0) ^ 1
  await expect(decodeFeature(flipped)).rejects.toMatchObject({ reason: 'malformed' })
  const beyond = sparse.slice()
  const lastMask = maskAt + Math.ceil(135 / 8) - 1
  beyond[lastMask] = (beyond[lastMask] ?? 0) | 0x80
  await expect(decodeFeature(beyond)).rejects.toThrow(/too long/)
  await expect(decodeFeature(sparse.subarray(0, maskAt + 3))).rejects.toMatchObject({ reason: 'malformed' })
  const both = sparse.slice()
  both[5] = 1
  await expect(decodeFeature(both)).rejects.toMatchObject({ reason: 'malformed' })
})

test('the input stays as it was, and the decoded map owns its memory at any alignment', async () => {
  const map = reluMap([1, 4, 5, 5], seededRandom(6))
  const before = map.data.slice()
  const encoded = encodeFeatureSync(map, 32)
  const shifted = new Uint8Array(encoded.length + 3)
  shifted.set(encoded, 3)
  const back = decodeFeatureSync(shifted.subarray(3))
  shifted.fill(0)
  expect(back).toEqual(map)
  expect(map.data).toEqual(before)
})

test('an aborted encoding rejects with the reason of the signal', async () => {
  const map = reluMap([1, 16, 20, 20], seededRandom(6))
  const reason = new Error('another exit was quicker')
  const controller = new AbortController()
  const encoding = encodeFeature(map, { bits: 8, entropy: 'deflate' }, { signal: controller.signal })
  controller.abort(reason)
  await expect(encoding).rejects.toBe(reason)
  await expect(encodeFeature(map, { bits: 8, entropy: 'none' }, { signal: controller.signal })).rejects.toBe(reason)
})

test('more elements than the receiver allows are refused before they are allocated', async () => {
  const map = reluMap([1, 4, 5, 5], seededRandom(6))
  const bytes = encodeFeatureSync(map, 8)
  await expect(decodeFeature(bytes, { maxElements: 99 })).rejects.toMatchObject({ reason: 'too-large' })
  const view = new DataView(bytes.buffer)
  view.setUint32(8, 0xffffffff, true)
  await expect(decodeFeature(bytes)).rejects.toMatchObject({ reason: 'too-large' })
  view.setUint32(8, 0, true)
  view.setUint32(12, 0xffffffff, true)
  view.setUint32(16, 0xffffffff, true)
  await expect(decodeFeature(bytes)).rejects.toMatchObject({ reason: 'too-large' })
})

test('a deflated payload that is longer, shorter or announces the impossible is refused', async () => {
  const data = Float32Array.from({ length: 12_800 }, (_, i) => Math.sin(i / 40))
  const map: FeatureMap = { dtype: 'float32', dims: [1, 32, 20, 20], data }
  const bytes = await encodeFeature(map, { bits: 8, entropy: 'deflate' })
  await expect(decodeFeature(bytes.subarray(0, bytes.length - 20))).rejects.toMatchObject({ reason: 'malformed' })
  const forged = bytes.slice()
  new DataView(forged.buffer).setUint32(16, 19, true)
  await expect(decodeFeature(forged)).rejects.toMatchObject({ reason: 'malformed' })
  new DataView(forged.buffer).setUint32(16, 21, true)
  await expect(decodeFeature(forged)).rejects.toMatchObject({ reason: 'malformed' })
  new DataView(forged.buffer).setUint32(16, 20_000, true)
  await expect(decodeFeature(forged)).rejects.toMatchObject({ reason: 'malformed' })
  expect(() => decodeFeatureSync(bytes)).toThrow(/needs decodeFeature/)
})

test('random and mutated bytes give a map or a TensorError, nothing else', async () => {
  const good = [
    await encodeFeature(reluMap([1, 8, 12, 12], seededRandom(8)), { bits: 8, entropy: 'deflate' }),
    encodeFeatureSync(reluMap([1, 3, 5, 5], seededRandom(9)), 4),
    encodeFeatureSync(reluMap([1, 3, 5, 5], seededRandom(9)), 32),
  ]
  const mutated = fc
    .tuple(fc.constantFrom(...good), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }), fc.nat(2000))
    .map(([bytes, changes, length]) => {
      const copy = bytes.slice(0, length)
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value
      return copy
    })
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), async (bytes) => {
      try {
        const map = await decodeFeature(bytes, { maxElements: 1 << 16 })
        expect(map.data.length).toBe(elementCount(map.dims))
      } catch (error) {
        expect(error).toBeInstanceOf(TensorError)
      }
    }),
    { seed: 14, numRuns: 1500 },
  )
})
