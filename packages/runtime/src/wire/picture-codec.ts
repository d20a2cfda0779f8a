import type { PictureFormat } from '@roomful/core'
import type { Picture } from '@roomful/tensor'

/** Pixels row by row, RGB (3 bytes each) or RGBA (4, of which the last is ignored: the colour counts as it is stored). */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly channels: 3 | 4
  readonly data: Uint8ClampedArray | Uint8Array
}

/** Pictures to JPEG or WebP and back. Passed in: browsers use a canvas and an image element, Node what it has. */
export interface PictureCodec {
  /** Does not keep the pixels. */
  encode(pixels: Pixels, format: PictureFormat, signal?: AbortSignal): Promise<Uint8Array>
  /** Refuses pictures over `maxPixels` before it allocates them. */
  decode(bytes: Uint8Array, kind: 'jpeg' | 'webp', maxPixels: number, signal?: AbortSignal): Promise<Picture>
}
