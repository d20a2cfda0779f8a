import type { Picture } from '@roomful/tensor'

/**
 * The EXIF orientation of a JPEG (1 to 8; 1 when absent or unreadable). Browsers turn pictures by it, so the command line
 * does too. Exif 2.32: APP1 segment `Exif\0\0`, a TIFF header, tag 0x0112 in the first directory.
 */
export function exifOrientation(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 2; at + 10 <= view.byteLength && view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1)
    if (marker === 0xda) return 1
    if (marker !== 0xe1 || view.getUint32(at + 4) !== 0x45786966) continue
    return orientationTag(view, at + 10, Math.min(view.byteLength, at + 2 + view.getUint16(at + 2)))
  }
  return 1
}

function orientationTag(view: DataView, tiff: number, end: number): number {
  if (tiff + 8 > end) return 1
  const little = view.getUint16(tiff) === 0x4949
  const directory = tiff + view.getUint32(tiff + 4, little)
  if (directory + 2 > end) return 1
  const entries = view.getUint16(directory, little)
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12
    if (entry + 12 > end) return 1
    if (view.getUint16(entry, little) === 0x0112) {
      const value = view.getUint16(entry + 8, little)
      return value >= 1 && value <= 8 ? value : 1
    }
  }
  return 1
}

/** The picture turned and mirrored as its EXIF orientation asks. */
export function upright(picture: Picture, orientation: number): Picture {
  if (orientation === 1) return picture
  const { width: w, height: h, data } = picture
  const turned = orientation >= 5
  const width = turned ? h : w
  const height = turned ? w : h
  const out = new Uint8Array(data.length)
  const from = new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength))
  const to = new Uint32Array(out.buffer)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sx, sy] = sourceOf(orientation, x, y, w, h)
      to[y * width + x] = from[sy * w + sx] as number
    }
  }
  return { width, height, data: out }
}

/** The stored pixel shown at (x, y), per orientation. */
function sourceOf(orientation: number, x: number, y: number, w: number, h: number): [number, number] {
  switch (orientation) {
    case 2:
      return [w - 1 - x, y]
    case 3:
      return [w - 1 - x, h - 1 - y]
    case 4:
      return [x, h - 1 - y]
    case 5:
      return [y, x]
    case 6:
      return [y, h - 1 - x]
    case 7:
      return [w - 1 - y, h - 1 - x]
    default:
      return [w - 1 - y, x]
  }
}
