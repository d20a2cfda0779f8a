import { readFile, stat } from 'node:fs/promises'
import { checkPicture, type Picture } from '@roomful/tensor'
import { PNG } from 'pngjs'
import { decodeJpeg, jpegPixels } from './jpeg.ts'
import { exifOrientation, upright } from './orientation.ts'
import { PictureError } from './picture-error.ts'

const MAX_FILE_BYTES = 64 << 20
const MAX_MEGAPIXELS = 100

/** A JPEG or PNG file as upright RGBA pixels. @throws PictureError */
export async function readPicture(file: string): Promise<Picture> {
  const { size } = await stat(file)
  if (size > MAX_FILE_BYTES) throw new PictureError('too-large', `${file}: ${size} bytes; at most ${MAX_FILE_BYTES}`)
  const bytes = await readFile(file)
  try {
    const picture = await decodePicture(bytes)
    checkPicture(picture)
    return picture
  } catch (cause) {
    if (cause instanceof PictureError) throw new PictureError(cause.reason, `${file}: ${cause.message}`, { cause })
    throw new PictureError('corrupt', `${file}: cannot be decoded`, { cause })
  }
}

/** JPEG or PNG bytes, told apart by their first bytes. @throws PictureError, or the decoder's own error */
export async function decodePicture(bytes: Uint8Array): Promise<Picture> {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const pixels = jpegPixels(bytes)
    if (pixels === undefined) throw new PictureError('corrupt', 'the JPEG has no frame header')
    checkPixels(pixels)
    return upright(await decodeJpeg(bytes), exifOrientation(bytes))
  }
  if (bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47) {
    checkPngSize(bytes)
    const { width, height, data } = PNG.sync.read(Buffer.from(bytes))
    return { width, height, data }
  }
  throw new PictureError('not-a-picture', 'neither JPEG nor PNG')
}

/** Reads the size from the IHDR chunk (PNG specification, 11.2.2) before anything is allocated for it. */
function checkPngSize(bytes: Uint8Array): void {
  if (bytes.length < 24) throw new PictureError('corrupt', 'the PNG header is cut off')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  checkPixels(view.getUint32(16) * view.getUint32(20))
}

/** Before anything is allocated for them. */
function checkPixels(pixels: number): void {
  if (pixels <= MAX_MEGAPIXELS * 1e6) return
  throw new PictureError('too-large', `${pixels} pixels; at most ${MAX_MEGAPIXELS} million`)
}
