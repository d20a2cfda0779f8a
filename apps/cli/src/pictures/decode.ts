import { readFile, stat } from 'node:fs/promises'
import { ReasonedError } from '@roomful/core'
import { checkPicture, type Picture } from '@roomful/tensor'
import jpeg from 'jpeg-js'
import { PNG } from 'pngjs'
import { exifOrientation, upright } from './orientation.ts'

/** `too-large` or `corrupt`; the file's name is in the message. */
export class PictureError extends ReasonedError<'too-large' | 'corrupt' | 'not-a-picture'> {}

const MAX_FILE_BYTES = 64 << 20
const MAX_MEGAPIXELS = 100

/** A JPEG or PNG file as upright RGBA pixels. @throws PictureError */
export async function readPicture(file: string): Promise<Picture> {
  const { size } = await stat(file)
  if (size > MAX_FILE_BYTES) throw new PictureError('too-large', `${file}: ${size} bytes; at most ${MAX_FILE_BYTES}`)
  const bytes = await readFile(file)
  try {
    const picture = decodePicture(bytes)
    checkPicture(picture)
    return picture
  } catch (cause) {
    if (cause instanceof PictureError) throw new PictureError(cause.reason, `${file}: ${cause.message}`, { cause })
    throw new PictureError('corrupt', `${file}: cannot be decoded`, { cause })
  }
}

/** JPEG or PNG bytes, told apart by their first bytes. @throws PictureError, or the decoder's own error */
export function decodePicture(bytes: Uint8Array): Picture {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const { width, height, data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: true,
      maxResolutionInMP: MAX_MEGAPIXELS,
      maxMemoryUsageInMB: 2048,
    })
    return upright({ width, height, data }, exifOrientation(bytes))
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
  const pixels = view.getUint32(16) * view.getUint32(20)
  if (pixels > MAX_MEGAPIXELS * 1e6)
    throw new PictureError('too-large', `${pixels} pixels; at most ${MAX_MEGAPIXELS} million`)
}
