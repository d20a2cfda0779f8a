import type { WireFormat } from '@roomful/core'
import { DEFLATE_RATIO } from '../predictor/codec.ts'
import type { WireOption } from './plannable.ts'

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

/** What a manifest knows of a plain format: its bytes with header and scales, and its loss. */
export interface MeasuredWire {
  readonly bytes: number
  readonly loss?: number
}

/** The plain formats of a tensor, most bytes first. */
export function plainWires(elements: number, known: ReadonlyMap<number, MeasuredWire> = new Map()): WireOption[] {
  return ([32, 16, 8, 4] as const).map((bits) => {
    const wire: WireFormat = { bits, entropy: 'none' }
    const loss = known.get(bits)?.loss
    return {
      wire,
      bytes: known.get(bits)?.bytes ?? wireBytes(elements, wire),
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
