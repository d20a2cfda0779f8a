import { seededRandom } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BundlingChannel } from './bundling-channel.ts'
import { loopbackPair } from './testing/loopback.ts'

const LOW = 64 << 10

function pair() {
  const [below, belowThere] = loopbackPair()
  const here = new BundlingChannel(below)
  const there = new BundlingChannel(belowThere)
  here.lowWaterBytes = LOW
  const got: Uint8Array[] = []
  there.onMessage = (bytes) => got.push(bytes)
  return { below, belowThere, here, there, got }
}

/** Message `i` of so many bytes; never begins like a bundle. */
const numbered = (i: number, bytes: number) => {
  const message = new Uint8Array(bytes).fill(i & 63)
  message[0] = 0x52
  return message
}

/** Faster than toEqual, which looks at every byte as a value of its own. */
const isSame = (a: Uint8Array, b: Uint8Array | undefined) =>
  b !== undefined && a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])

describe('a channel that bundles small messages', () => {
  it('hands on every message once, unchanged and in order, and keeps none', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 5200 }), fc.integer({ min: 1, max: 40_000 })), { maxLength: 80 }),
        (seed, sizes) => {
          const { below, here, got } = pair()
          const random = seededRandom(seed)
          const sent = sizes.map((bytes, i) => numbered(i, bytes))
          for (const message of sent) {
            const scratch = message.slice()
            here.send(scratch)
            scratch.fill(0xff)
            if (random.next() < 0.1) below.drain(random.int(4))
          }
          below.drain()
          expect(got.map((bytes) => bytes.byteLength)).toEqual(sizes)
          expect(got.every((bytes, i) => isSame(bytes, sent[i]))).toBe(true)
          expect(here.bufferedAmount).toBe(0)
        },
      ),
      { seed: 20261121, numRuns: 200 },
    )
  })

  it('sends at once what finds little in the buffer', () => {
    const { below, here, got } = pair()
    for (let i = 0; i < 10; i++) here.send(numbered(i, 100))
    expect(below.waiting).toHaveLength(10)
    below.drain()
    expect(got).toHaveLength(10)
  })

  it('sends four messages of 4 KiB as one behind a full buffer, and counts what it holds', () => {
    const { below, here } = pair()
    for (let i = 0; i < 64; i++) here.send(numbered(i, 4000))
    const alone = Math.ceil((LOW + 1) / 4000)
    expect(below.waiting.length).toBe(alone + Math.floor((64 - alone) / 4))
    expect(here.bufferedAmount).toBeGreaterThanOrEqual(64 * 4000)
    expect(Math.max(...below.waiting.map((bytes) => bytes.byteLength))).toBeLessThanOrEqual(16 << 10)
  })

  it('gives every message of a bundle a buffer of its own, in which parts stay aligned', () => {
    const { below, here, got } = pair()
    for (let i = 0; i < 64; i++) here.send(numbered(i, 4001))
    below.drain()
    expect(new Set(got.slice(20).map((bytes) => bytes.buffer)).size).toBe(got.length - 20)
    expect(got.every((bytes) => bytes.byteOffset % 8 === 0)).toBe(true)
  })

  it('closes on a bundle whose lengths cannot be right', () => {
    for (const bytes of [
      Uint8Array.of(0x64, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 2),
      Uint8Array.of(0x64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
      Uint8Array.of(0x64, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 1),
    ]) {
      const { below, belowThere, got } = pair()
      below.send(bytes)
      below.drain()
      expect(got).toEqual([])
      expect(belowThere.closed).toBe(true)
    }
  })
})
