import type { WireFormat } from '@roomful/core'
import { DEFLATE_RATIO } from '../predictor/codec.ts'
import type { CutPoint, WireOption } from './plannable.ts'

/**
 * Loss of final top-1 that is assumed for plain quantisation of a cut where the manifest has not measured it: none for
 * fp16, 0.2 points for 8 bits, 3 points for 4 bits. [ours; JALAD reports no visible loss at 8 bits]
 */
export const ASSUMED_LOSS: Readonly<Record<WireFormat['bits'], number>> = { 32: 0, 16: 0, 8: 0.002, 4: 0.03 }

/** Bytes of `elements` values in a format without bottleneck. */
export function wireBytes(elements: number, wire: WireFormat): number {
  const packed = (elements * wire.bits) / 8
  return wire.entropy === 'none' ? packed : packed * DEFLATE_RATIO
}

/** Below this many elements of a tile a channel has no range of its own (the codec's rule). */
const MIN_CHANNEL_SIZE = 16

/**
 * What the codec writes in front of the values of a tile: its header, and where it quantises a range and a step per
 * channel, or for the whole tile where channels are short. Without shape: 0, as for learned codes.
 */
export function tileHeadBytes(shape: readonly number[], bits: WireFormat['bits'], elements: number): number {
  const header = 8 + 4 * shape.length
  if (bits > 8) return header
  const channels = shape.length >= 3 ? (shape[1] ?? 1) : 1
  return header + 8 * (elements / channels >= MIN_CHANNEL_SIZE ? channels : 1)
}

/** Bytes of some rows of a tensor, as one message's feature map. */
export function tileBytes(
  point: Pick<CutPoint, 'shape' | 'rows' | 'elements'>,
  option: WireOption,
  rows: number,
): number {
  const share = point.rows === 0 ? 1 : Math.min(1, rows / point.rows)
  const { bits, bottleneck } = option.wire
  if (bottleneck !== undefined) return option.bytes * share
  const values = option.bytes - tileHeadBytes(point.shape, bits, point.elements)
  return values * share + tileHeadBytes(point.shape, bits, point.elements * share)
}

/** What a manifest knows of a plain format: its bytes with header and scales (the mean where it is measured), and its loss. */
export interface MeasuredWire {
  readonly bytes: number
  readonly loss?: number
}

/** The plain formats of a tensor, most bytes first. */
export function plainWires(
  shape: readonly number[],
  known: ReadonlyMap<number, MeasuredWire> = new Map(),
): WireOption[] {
  const elements = shape.reduce((product, size) => product * size, 1)
  return ([32, 16, 8, 4] as const).map((bits) => {
    const wire: WireFormat = { bits, entropy: 'none' }
    const loss = known.get(bits)?.loss
    return {
      wire,
      bytes: known.get(bits)?.bytes ?? wireBytes(elements, wire) + tileHeadBytes(shape, bits, elements),
      accuracyLoss: loss ?? ASSUMED_LOSS[bits],
      measured: loss !== undefined,
      encoderMacs: 0,
      decoderMacs: 0,
    }
  })
}

export const FP32: WireFormat = { bits: 32, entropy: 'none' }

export const sameWire = (a: WireFormat, b: WireFormat): boolean =>
  a.bits === b.bits && a.bottleneck === b.bottleneck && a.entropy === b.entropy
