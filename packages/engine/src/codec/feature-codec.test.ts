import { VirtualClock } from '@roomful/core'
import { decodeFeature, encodeFeature } from '@roomful/tensor'
import { expect, test } from 'vitest'
import { randomInput } from '../testing/nets.ts'
import { nodeWorkerPorts } from '../testing/node-port.ts'
import { serveCodec } from './codec-host.ts'
import { createFeatureCodec, inlineCodec, WorkerCodec } from './feature-codec.ts'

const WIRE = { bits: 8, entropy: 'none' } as const
const big = () => randomInput([1, 64, 32, 32])

/** Byte for byte; `toEqual` takes seconds on a large array. */
function same(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
}

function hosted() {
  const ports = nodeWorkerPorts()
  serveCodec(ports.host)
  return { codec: new WorkerCodec(ports.main), ports }
}

test('a codec worker codes as the tensor package does, moving buffers unless they are kept', async () => {
  const { codec } = hosted()
  const map = big()
  const expected = await encodeFeature(map, WIRE)
  const kept = await codec.encode(map, WIRE, { keep: true })
  expect(same(kept, expected)).toBe(true)
  expect(map.data.length).toBe(65_536)
  expect(same(await codec.encode(map, WIRE), expected)).toBe(true)
  expect(map.data.length).toBe(0)
  const decoded = await codec.decode(kept, {}, { keep: true })
  expect(same(decoded.data, (await decodeFeature(expected)).data)).toBe(true)
  expect(kept.length).toBe(expected.length)
  await codec[Symbol.asyncDispose]()
})

test('errors keep their reason over the boundary', async () => {
  const { codec } = hosted()
  await expect(codec.decode(new Uint8Array(100_000))).rejects.toMatchObject({
    name: 'TensorError',
    reason: 'malformed',
  })
  const bytes = await encodeFeature(big(), WIRE)
  await expect(codec.decode(bytes, { maxElements: 10 })).rejects.toMatchObject({ reason: 'too-large' })
  await codec[Symbol.asyncDispose]()
})

test('small maps do not make the trip, and after a crash nothing does', async () => {
  const ports = nodeWorkerPorts()
  const codec = new WorkerCodec(ports.main, new VirtualClock())
  const small = randomInput([1, 4, 8, 8])
  expect(await codec.encode(small, WIRE)).toEqual(await encodeFeature(small, WIRE))
  ports.crash('killed')
  expect(same(await codec.encode(big(), WIRE), await encodeFeature(big(), WIRE))).toBe(true)
})

test('an abort rejects with its reason, in the worker and inline', async () => {
  const { codec } = hosted()
  for (const one of [codec, inlineCodec, createFeatureCodec()]) {
    const controller = new AbortController()
    const reason = new Error('an exit answered')
    const encoding = one.encode(big(), { bits: 8, entropy: 'deflate' }, { signal: controller.signal })
    controller.abort(reason)
    await expect(encoding).rejects.toBe(reason)
  }
  await codec[Symbol.asyncDispose]()
})
