// `npx tsx packages/tensor/bench/codec.bench.ts`: time and bytes of the wire formats on generated post-ReLU maps.
import { seededRandom, type WireFormat } from '@roomful/core'
import { bench, do_not_optimize, group, run } from 'mitata'
import { decodeFeature, encodeFeature } from '../src/codec/codec.ts'
import { reluMap } from '../src/testing/relu-map.ts'

const SHAPES = [
  [1, 64, 40, 40],
  [1, 256, 20, 20],
  [1, 256, 32, 32],
]
const WIRES: WireFormat[] = [32, 16, 8, 4].flatMap((bits) => [
  { bits: bits as WireFormat['bits'], entropy: 'none' as const },
  { bits: bits as WireFormat['bits'], entropy: 'deflate' as const },
])

for (const dims of SHAPES) {
  const map = reluMap(dims, seededRandom(7))
  const encoded = new Map<WireFormat, Uint8Array>()
  for (const wire of WIRES) {
    const bytes = await encodeFeature(map, wire)
    encoded.set(wire, bytes)
    console.log(`[${dims}] ${wire.bits} bits ${wire.entropy}: ${bytes.length} bytes`)
  }
  group(`[${dims}] ${map.data.byteLength / 1000} KB of float32`, () => {
    for (const wire of WIRES) {
      bench(`encode ${wire.bits} bits ${wire.entropy}`, async () => do_not_optimize(await encodeFeature(map, wire)))
    }
  })
  group(`[${dims}] decode`, () => {
    for (const wire of WIRES) {
      const bytes = encoded.get(wire) ?? new Uint8Array(0)
      bench(`decode ${wire.bits} bits ${wire.entropy}`, async () => do_not_optimize(await decodeFeature(bytes)))
    }
  })
}
await run()
