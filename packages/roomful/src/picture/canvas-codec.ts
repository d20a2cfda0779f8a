import { PICTURE_QUALITY, type PictureFormat } from '@roomful/core'
import type { PictureCodec } from '@roomful/runtime'
import { RoomfulError } from '../session.ts'
import { bytesOfDataUrl, dataUrlOf } from './data-url.ts'
import { pictureSize } from './picture-size.ts'
import { writeColours } from './write-colours.ts'

const OPAQUE = 255

/** JPEG and WebP by the browser's own codecs, on a canvas that is never shown. */
export const canvasCodec: PictureCodec = {
  /** A data URL, not a Blob: those live in another process, and a phone pays three times as much for the way there and back. */
  async encode({ width, height, channels, data }, format: PictureFormat, signal) {
    signal?.throwIfAborted()
    const { canvas, context, pixels } = board(width, height)
    writeColours(pixels.data, data, channels)
    context.putImageData(pixels, 0, 0)
    const type = `image/${format.kind === 'webp' ? 'webp' : 'jpeg'}`
    return bytesOfDataUrl(canvas.toDataURL(type, format.quality ?? PICTURE_QUALITY), type)
  },

  /** By an image element: `createImageBitmap` needs a Blob, and takes two and a half times as long for the same pixels. */
  async decode(bytes, kind, maxPixels, signal) {
    // Looked at before it is decoded: a small file may declare gigabytes of pixels.
    const declared = pictureSize(bytes)
    if (declared === undefined) throw new RoomfulError('not-a-picture', `what came is no ${kind} picture`)
    refuseLarger(declared, maxPixels)
    const image = await loaded(dataUrlOf(bytes, `image/${kind}`), signal)
    const { naturalWidth: width, naturalHeight: height } = image
    refuseLarger({ width, height }, maxPixels)
    const { context } = board(width, height)
    // What was drawn before must not shine through.
    context.clearRect(0, 0, width, height)
    context.drawImage(image, 0, 0)
    return { width, height, data: context.getImageData(0, 0, width, height).data }
  },
}

/** Not by `image.decode()`, which waits for a frame: hidden pages draw none. */
function loaded(url: string, signal: AbortSignal | undefined): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const image = new Image()
    const ended = () => signal?.removeEventListener('abort', onAbort)
    const onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    image.onload = () => {
      ended()
      resolve(image)
    }
    image.onerror = () => {
      ended()
      reject(new RoomfulError('not-a-picture', 'this browser cannot read the picture that came'))
    }
    image.src = url
  })
}

function refuseLarger({ width, height }: { width: number; height: number }, maxPixels: number): void {
  if (width * height > maxPixels) throw new RoomfulError('too-large', `a picture of ${width}x${height} came`)
}

interface Board {
  readonly canvas: HTMLCanvasElement
  readonly context: CanvasRenderingContext2D
  /** Opaque; what is to be encoded is written here, since new memory for every picture costs more than writing it. */
  readonly pixels: ImageData
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
  const pixels = context.createImageData(width, height)
  pixels.data.fill(OPAQUE)
  last = { canvas, context, pixels }
  return last
}
