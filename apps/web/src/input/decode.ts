import { type Picture, RoomfulError } from 'roomful'

const MAX_FILE_BYTES = 40_000_000
/** Larger pictures are scaled down while decoding: no model here reads more than this. */
const MAX_SIDE = 1024

/**
 * A picture file as RGBA, at most 1024 pixels a side, orientation applied.
 * @throws RoomfulError `too-large` | `not-a-picture`
 */
export async function decodePicture(file: Blob): Promise<Picture> {
  if (file.size > MAX_FILE_BYTES) {
    throw new RoomfulError('too-large', `This file has ${Math.round(file.size / 1e6)} MB; pictures up to 40 MB work.`)
  }
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' })
  } catch (cause) {
    throw new RoomfulError('not-a-picture', 'This is not a picture that the browser can read. Try JPEG, PNG or WebP.', {
      cause,
    })
  }
  try {
    return pixelsOf(bitmap, bitmap.width, bitmap.height)
  } finally {
    bitmap.close()
  }
}

/** Draws any image source into a canvas and reads it back as RGBA. */
export function pixelsOf(source: CanvasImageSource, width: number, height: number): Picture {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(width * scale))
  canvas.height = Math.max(1, Math.round(height * scale))
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (context === null) throw new RoomfulError('unsupported', 'This browser gives no 2-D canvas.')
  context.drawImage(source, 0, 0, canvas.width, canvas.height)
  return context.getImageData(0, 0, canvas.width, canvas.height)
}
