import type { WireFormat } from '@roomful/core'

/** MB of fp32 that one GMAC/s of a device packs per second, where nothing was measured. [ours] */
const MB_PER_GMAC = 200
/** `deflate` after quantisation: its share of the quantised bytes, and MB per second per GMAC/s. [ours] */
export const DEFLATE_RATIO = 0.75
const DEFLATE_MB_PER_GMAC = 10

/** Measured in Chromium at 0.1, 0.2 and 1.0 core: per pixel, for a device of 1 GMAC/s. */
const PICTURE_MS_PER_PIXEL = 0.7e-3

/** Time to pack and unpack feature maps on one device; runs beside the compute, in its own Worker. */
export class CodecModel {
  readonly #mbPerSecond: number
  readonly #deflateMbPerSecond: number
  /** What sending or taking in one message of so many bytes costs, beside its packing. */
  readonly messageMs: (bytes: number) => number

  /** `mbPerSecond`: MB of fp32 quantised per second; derived from the speed when absent. */
  constructor(gmacsPerSecond: number, mbPerSecond?: number, messageMs: (bytes: number) => number = () => 0) {
    this.messageMs = messageMs
    this.#mbPerSecond = mbPerSecond ?? gmacsPerSecond * MB_PER_GMAC
    this.#deflateMbPerSecond = gmacsPerSecond * DEFLATE_MB_PER_GMAC
  }

  /** Packing `elements` values; fp32 leaves as it is. */
  encodeMs(elements: number, wire: WireFormat): number {
    const quantise = wire.bits === 32 ? 0 : (elements * 4) / (this.#mbPerSecond * 1e3)
    const deflate = wire.entropy === 'none' ? 0 : (elements * wire.bits) / 8 / (this.#deflateMbPerSecond * 1e3)
    return quantise + deflate
  }

  /** Unpacking costs about half of packing: there is no range to find first. */
  decodeMs(elements: number, wire: WireFormat): number {
    return this.encodeMs(elements, wire) / 2
  }

  /** JPEG of a picture of `pixels`, either way, canvas included. */
  pictureMs(pixels: number): number {
    return (pixels * PICTURE_MS_PER_PIXEL * MB_PER_GMAC) / this.#mbPerSecond
  }
}
