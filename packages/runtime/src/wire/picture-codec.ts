import type { PictureFormat } from '@roomful/core'
import type { Picture } from '@roomful/tensor'

/** Pictures to JPEG or WebP and back. Passed in: browsers use a canvas and createImageBitmap, Node what it has. */
export interface PictureCodec {
  encode(picture: Picture, format: PictureFormat, signal?: AbortSignal): Promise<Uint8Array>
  /** Refuses pictures over `maxPixels` before it allocates them. */
  decode(bytes: Uint8Array, kind: 'jpeg' | 'webp', maxPixels: number, signal?: AbortSignal): Promise<Picture>
}
