import type { PictureFormat } from '@roomful/core'
import type { PictureCodec } from '@roomful/runtime'
import { RoomfulError } from '../session.ts'
import { bytesOfDataUrl } from './data-url.ts'
import { pictureSize } from './picture-size.ts'

const DEFAULT_QUALITY = 0.85

/** JPEG and WebP by the browser's own codecs, on a canvas that is never shown. */
export const canvasCodec: PictureCodec = {
  /** A data URL, not a Blob: those live in another process, and a phone pays three times as much for the way there and back. */
  async encode(picture, format: PictureFormat, signal) {
    signal?.throwIfAborted()
    const { canvas, context } = board(picture.width, picture.height)
    const pixels = new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height)
    context.putImageData(pixels, 0, 0)
    const type = `image/${format.kind === 'webp' ? 'webp' : 'jpeg'}`
    return bytesOfDataUrl(canvas.toDataURL(type, format.quality ?? DEFAULT_QUALITY), type)
  },

  async decode(bytes, kind, maxPixels, signal) {
    // Looked at before it is decoded: a small file may declare gigabytes of pixels.
    const declared = pictureSize(bytes)
    if (declared === undefined) throw new RoomfulError('not-a-picture', `what came is no ${kind} picture`)
    refuseLarger(declared, maxPixels)
    const blob = new Blob([new Uint8Array(bytes)], { type: `image/${kind}` })
    // No colour management: what was encoded comes back, whatever profile the screen has.
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' })
    try {
      signal?.throwIfAborted()
      const { width, height } = bitmap
      refuseLarger(bitmap, maxPixels)
      const { context } = board(width, height)
      // What was drawn before must not shine through.
      context.clearRect(0, 0, width, height)
      context.drawImage(bitmap, 0, 0)
      return { width, height, data: context.getImageData(0, 0, width, height).data }
    } finally {
      bitmap.close()
    }
  },
}

function refuseLarger({ width, height }: { width: number; height: number }, maxPixels: number): void {
  if (width * height > maxPixels) throw new RoomfulError('too-large', `a picture of ${width}x${height} came`)
}

interface Board {
  readonly canvas: HTMLCanvasElement
  readonly context: CanvasRenderingContext2D
}

/** The last one: a room's pictures are all of one size, and a new canvas costs a weak phone more than drawing on it. */
let last: Board | undefined

/** Drawn on and read without a pause between: one serves all. */
function board(width: number, height: number): Board {
  if (last !== undefined && last.canvas.width === width && last.canvas.height === height) return last
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (context === null) throw new RoomfulError('unsupported', 'This browser gives no 2-D canvas.')
  last = { canvas, context }
  return last
}
