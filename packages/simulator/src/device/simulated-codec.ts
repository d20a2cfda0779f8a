import { type Clock, SerialQueue, sleep, type WireFormat } from '@roomful/core'
import { type CodecModel, DEFLATE_RATIO, type PlannableModel, sameWire, tileBytes } from '@roomful/planner'
import { type FeatureCodec, type PictureCodec, RuntimeError } from '@roomful/runtime'
import { elementCount, encodedBytes, type FeatureMap } from '@roomful/tensor'
import { MARKS, markedMap, markOf } from '../model/mark.ts'

/** Rank, bits, entropy, mark, then the map's first value as a float32; the dims follow: the form in which simulated maps travel. */
const FIXED_BYTES = 8
/** Where the first value stands: of logits it is what their verdict is made of, which no wire may change. */
const FIRST_VALUE_AT = 4
const ENTROPIES: readonly WireFormat['entropy'][] = ['none', 'deflate']

/**
 * Feature maps as bytes of the right number and no content but their mark and first value. Packing takes the planner's time, one map at a time as a
 * device's codec Worker does it; unpacking runs beside it.
 */
export function simulatedCodec(clock: Clock, model: () => CodecModel, sizes: Sizes): FeatureCodec {
  const queue = new SerialQueue()
  return {
    async encode(map, wire, { signal } = {}) {
      const ms = model().encodeMs(map.data.length, wire)
      if (ms > 0) await queue.run(() => sleep(clock, ms, signal), signal)
      return packed(map, wire, sizes)
    },
    async decode(bytes, limits, { signal } = {}) {
      const { map, wire } = unpacked(bytes, limits.maxElements)
      const ms = model().decodeMs(map.data.length, wire)
      if (ms > 0) await sleep(clock, ms, signal)
      return map
    },
  }
}

/** Bytes of a map of these dims, where the model's package has measured them. */
export type Sizes = (dims: readonly number[], wire: WireFormat) => number | undefined

/**
 * The planner's own sizes. A map does not say which tensor it is: of several points of one shape that were measured the mean
 * counts.
 */
export function sizesOf({ points }: PlannableModel): Sizes {
  return (dims, wire) => {
    const rows = dims[2] ?? 0
    let sum = 0
    let count = 0
    for (const point of points) {
      if (dims.length !== point.shape.length || point.shape.some((dim, axis) => axis !== 2 && dim !== dims[axis]))
        continue
      const option = point.wires.find((one) => sameWire(one.wire, wire))
      if (option?.measured !== true || option.wire.bottleneck !== undefined) continue
      sum += tileBytes(point, option, rows)
      count++
    }
    return count === 0 ? undefined : Math.ceil(sum / count)
  }
}

/** The real codec's bytes, without what it gains where values are zero. */
export function packedBytes(dims: readonly number[], { bits, entropy }: WireFormat): number {
  const dense = encodedBytes('float32', dims, bits)
  if (entropy === 'none') return dense
  const values = Math.ceil((elementCount(dims) * bits) / 8)
  return dense - values + Math.ceil(values * DEFLATE_RATIO)
}

function packed(map: FeatureMap, wire: WireFormat, sizes: Sizes): Uint8Array {
  const least = FIXED_BYTES + 4 * map.dims.length
  const bytes = new Uint8Array(Math.max(least, sizes(map.dims, wire) ?? packedBytes(map.dims, wire)))
  bytes.set([map.dims.length, wire.bits, ENTROPIES.indexOf(wire.entropy), markOf(map)])
  const view = new DataView(bytes.buffer)
  view.setFloat32(FIRST_VALUE_AT, Number(map.data[0] ?? 0), true)
  for (const [axis, dim] of map.dims.entries()) view.setUint32(FIXED_BYTES + 4 * axis, dim, true)
  return bytes
}

function unpacked(bytes: Uint8Array, maxElements: number): { map: FeatureMap; wire: WireFormat } {
  const [rank = 0, bits = 32, entropy = 0, mark = 0] = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(FIXED_BYTES + 4 * axis, true))
  if (elementCount(dims) > maxElements) throw new RuntimeError('malformed', `a feature map of ${dims.join('x')}`)
  const map = markedMap(dims, mark)
  if (map.data.length > 0) map.data[0] = view.getFloat32(FIRST_VALUE_AT, true)
  return { map, wire: { bits: bits as 8, entropy: ENTROPIES[entropy] ?? 'none' } }
}

/** Pictures of one colour, whose shade is the mark; as JPEG or WebP they weigh what the planner assumes. */
export function simulatedPictures(clock: Clock, codec: () => CodecModel, model: PlannableModel): PictureCodec {
  const queue = new SerialQueue()
  const [, , height = 1, width = 1] = model.points[0]?.shape ?? []
  const pictureMs = () => codec().pictureMs(model.picture.pixels)
  return {
    async encode({ data }, { kind }, signal) {
      await queue.run(() => sleep(clock, pictureMs(), signal), signal)
      const bytes = new Uint8Array(Math.max(1, kind === 'webp' ? model.picture.webp : model.picture.jpeg))
      bytes[0] = data[0] ?? 0
      return bytes
    },
    async decode(bytes, _kind, _maxPixels, signal) {
      await sleep(clock, pictureMs(), signal)
      return shade(width, height, bytes[0] ?? 0)
    },
  }
}

/** A picture that carries a mark through preprocessing with mean 0 and deviation 1. */
export function shade(width: number, height: number, mark: number) {
  return { width, height, data: new Uint8Array(width * height * 4).fill(Math.min(mark, MARKS - 1)) }
}
