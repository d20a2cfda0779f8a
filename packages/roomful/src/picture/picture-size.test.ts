import { expect, it } from 'vitest'
import { pictureSize } from './picture-size.ts'

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? [...part].map((character) => character.charCodeAt(0)) : part)),
  )
const frame = [0xff, 0xc2, 0, 11, 8, 0x01, 0x02, 0x03, 0x04, 1, 0, 0, 0]

it("finds a JPEG's frame behind other segments and fill bytes", () => {
  const comment = [0xff, 0xfe, 0, 4, 0xff, 0xc0]
  expect(pictureSize(bytes([0xff, 0xd8], comment, [0xff], frame))).toEqual({ width: 0x304, height: 0x102 })
})

it('reads PNG and every kind of WebP', () => {
  const png = bytes([0x89], 'PNG', [13, 10, 26, 10, 0, 0, 0, 13], 'IHDR', [0, 0, 1, 0, 0, 0, 0, 9])
  expect(pictureSize(png)).toEqual({ width: 256, height: 9 })
  const webp = (...rest: readonly (string | readonly number[])[]) => bytes('RIFF', [0, 0, 0, 0], 'WEBP', ...rest)
  const lossy = webp('VP8 ', [0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 16, 0x40, 9, 0])
  expect(pictureSize(lossy)).toEqual({ width: 16, height: 9 })
  const lossless = webp('VP8L', [0, 0, 0, 0, 0x2f, 15, 0, 2, 0])
  expect(pictureSize(lossless)).toEqual({ width: 16, height: 9 })
  const extended = webp('VP8X', [10, 0, 0, 0, 0, 0, 0, 0, 15, 0, 1, 8, 0, 0])
  expect(pictureSize(extended)).toEqual({ width: 0x10010, height: 9 })
})

it('knows no size of anything else, nor of a file that is cut off', () => {
  expect(pictureSize(bytes('GIF89a', [1, 0, 1, 0]))).toBeUndefined()
  expect(pictureSize(bytes())).toBeUndefined()
  expect(pictureSize(bytes([0xff, 0xd8], frame.slice(0, 6)))).toBeUndefined()
})
