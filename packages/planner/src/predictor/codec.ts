import type { WireFormat } from '@roomful/core'

/** MB of fp32 that one GMAC/s of a device packs per second, where nothing was measured. [ours] */
const MB_PER_GMAC = 200
/** `deflate` after quantisation: its share of the quantised bytes, and MB per second per GMAC/s. [ours] */
export const DEFLATE_RATIO = 0.75
const DEFLATE_MB_PER_GMAC = 10

/** Where nothing else is said: per pixel, for a device of 1 GMAC/s; canvas, a blob and back, as measured in Chromium. */
const PICTURE_MS_PER_PIXEL = 0.7e-3

export interface CodecModelOptions {
  /** Of the device's CPU, sustained. */
  readonly gmacsPerSecond: number
  /** How many times faster it is for short work; see BackendSpeed. Default 1. */
  readonly burst?: number
  /** MB of fp32 quantised per second; derived from the speed when absent. */
  readonly mbPerSecond?: number | undefined
  /** See RoomPredictorOptions. Default: messages cost nothing. */
  readonly message?: MessageCosts | undefined
  /** Multiplies `message`. Default 1. */
  readonly factor?: number
}

/** What one message costs the device at either end of it, beside its packing; ms for a device of 1 GMAC/s. */
export interface MessageCosts {
  /** By which it comes later. */
  readonly delayMs: (bytes: number) => number
  /** Time of the processor in all, that of threads beside the page's included. */
  readonly workMs: (bytes: number) => number
  /** Packing or unpacking one pixel of a picture. */
  readonly pixelMs?: number
  /** A request of its own that begins with computing here, on top of what is computed: of others, messages have it in their price. Default 0. */
  readonly askMs?: number
}

/**
 * Time to pack and unpack feature maps on one device, beside the compute in its own Worker, and to send and take in
 * messages. Such work is short: it delays a request as long as the processor takes in its bursts, and uses up as much as it
 * sustains.
 */
export class CodecModel {
  /** Busy time of the processor per millisecond of delay. */
  readonly burst: number
  /** Whether messages cost anything. */
  readonly countsMessages: boolean
  readonly #mbPerSecond: number
  readonly #deflateMbPerSecond: number
  readonly #gmacsPerSecond: number
  readonly #message: MessageCosts | undefined
  readonly #factor: number

  constructor({ gmacsPerSecond, burst = 1, mbPerSecond, message, factor = 1 }: CodecModelOptions) {
    this.burst = burst
    this.countsMessages = message !== undefined
    this.#message = message
    this.#factor = factor
    this.#gmacsPerSecond = gmacsPerSecond
    this.#mbPerSecond = burst * (mbPerSecond ?? gmacsPerSecond * MB_PER_GMAC)
    this.#deflateMbPerSecond = burst * gmacsPerSecond * DEFLATE_MB_PER_GMAC
  }

  /** By how much handling a message of so many bytes delays it here. */
  messageMs(bytes: number): number {
    if (this.#message === undefined) return 0
    return (this.#factor * this.#message.delayMs(bytes)) / (this.#gmacsPerSecond * this.burst)
  }

  /** How long handling it keeps the processor busy, in the mean of many. */
  messageWorkMs(bytes: number): number {
    if (this.#message === undefined) return 0
    return (this.#factor * this.#message.workMs(bytes)) / this.#gmacsPerSecond
  }

  /** By how much asking for something delays what is computed here. */
  get askMs(): number {
    return this.askWorkMs / this.burst
  }

  /** How long asking keeps the processor busy. */
  get askWorkMs(): number {
    return (this.#factor * (this.#message?.askMs ?? 0)) / this.#gmacsPerSecond
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
    const ofMessage = this.#message?.pixelMs
    const pixelMs = ofMessage === undefined ? PICTURE_MS_PER_PIXEL : this.#factor * ofMessage
    return (pixels * pixelMs * MB_PER_GMAC) / this.#mbPerSecond
  }
}
