import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import decode, { init } from '@jsquash/jpeg/decode.js'
import type { Picture } from '@roomful/tensor'
import { PictureError } from './picture-error.ts'

/** What the decoder returns; Node has no ImageData, and the decoder looks for it on globalThis. */
class DecodedImage implements Picture {
  readonly data: Uint8ClampedArray
  readonly width: number
  readonly height: number

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data
    this.width = width
    this.height = height
  }
}

let ready: Promise<void> | undefined

/**
 * A JPEG as RGBA pixels, not turned. MozJPEG compiled to WebAssembly: the same inverse DCT and chroma upsampling as
 * libjpeg-turbo in Pillow and in browsers, so that an accuracy measured here is the one measured there.
 * @throws PictureError `corrupt` when the data is damaged or cut off
 */
export async function decodeJpeg(bytes: Uint8Array): Promise<Picture> {
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf(END_OF_IMAGE) < 0) {
    throw new PictureError('corrupt', 'the JPEG is cut off')
  }
  ready ??= start()
  await ready
  try {
    const { width, height, data } = await decode(new Uint8Array(bytes).buffer)
    return { width, height, data }
  } catch (cause) {
    // libjpeg ends its program at an error; the next picture gets a new one.
    ready = undefined
    throw new PictureError('corrupt', 'the JPEG cannot be decoded', { cause })
  }
}

const END_OF_IMAGE = Buffer.of(0xff, 0xd9)

async function start(): Promise<void> {
  if (!('ImageData' in globalThis)) Object.assign(globalThis, { ImageData: DecodedImage })
  const file = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm')
  const options = { wasmBinary: await readFile(file), print: () => {}, printErr: () => {} }
  await init(options)
}

/** Pixels of a JPEG from its frame header (ITU-T T.81, B.2.2), or undefined when there is none. */
export function jpegPixels(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 2; at + 9 <= view.byteLength && view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1)
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (frame) return view.getUint16(at + 5) * view.getUint16(at + 7)
    if (marker === 0xda) return undefined
  }
  return undefined
}
