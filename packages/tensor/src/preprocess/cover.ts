import type { Picture } from './input-spec.ts'
import { PRECISION_BITS, type Taps, triangleTaps } from './triangle.ts'

/** Where the target rectangle lies in the scaled picture. All in pixels. */
export interface CoverGeometry {
  readonly scaledWidth: number
  readonly scaledHeight: number
  readonly left: number
  readonly top: number
}

/** Python's `round`: halves go to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/**
 * Scales so that the picture just covers `width` x `height` and centres the rest; odd remainders leave the extra pixel at
 * the right and the bottom. The same arithmetic as `cover` in training/data.py.
 */
export function coverGeometry(
  picture: { readonly width: number; readonly height: number },
  width: number,
  height: number,
): CoverGeometry {
  const scale = Math.max(width / picture.width, height / picture.height)
  const scaledWidth = Math.max(width, roundHalfEven(picture.width * scale))
  const scaledHeight = Math.max(height, roundHalfEven(picture.height * scale))
  return {
    scaledWidth,
    scaledHeight,
    left: Math.floor((scaledWidth - width) / 2),
    top: Math.floor((scaledHeight - height) / 2),
  }
}

/**
 * The picture's centre at `width` x `height`: RGB, 3 bytes a pixel. Horizontal pass first, then vertical, each rounded to
 * 8 bits as Pillow does. A picture that already fits is cropped without resampling. Only what the crop shows is computed.
 */
export function coverPixels(picture: Picture, width: number, height: number): Uint8Array {
  const { scaledWidth, scaledHeight, left, top } = coverGeometry(picture, width, height)
  const columns =
    scaledWidth === picture.width ? undefined : triangleTaps(picture.width, scaledWidth, left, left + width)
  const rows =
    scaledHeight === picture.height ? undefined : triangleTaps(picture.height, scaledHeight, top, top + height)
  const firstRow = rows === undefined ? top : Math.min(...rows.first)
  const endRow = rows === undefined ? top + height : lastRow(rows)
  const wide = horizontal(picture, columns, left, width, firstRow, endRow)
  return rows === undefined ? wide : vertical(wide, rows, firstRow, width, height)
}

function lastRow(taps: Taps): number {
  let end = 0
  for (const [i, first] of taps.first.entries()) end = Math.max(end, first + (taps.count[i] as number))
  return end
}

const HALF = 1 << (PRECISION_BITS - 1)

/** Rows `[firstRow, endRow)` of the picture at the target width, RGB. Without taps: columns `[left, left + width)`. */
function horizontal(
  picture: Picture,
  taps: Taps | undefined,
  left: number,
  width: number,
  firstRow: number,
  endRow: number,
): Uint8Array {
  const { data } = picture
  const out = new Uint8Array((endRow - firstRow) * width * 3)
  let o = 0
  for (let y = firstRow; y < endRow; y++) {
    const row = y * picture.width * 4
    for (let x = 0; x < width; x++) {
      if (taps === undefined) {
        const p = row + (left + x) * 4
        out[o++] = data[p] as number
        out[o++] = data[p + 1] as number
        out[o++] = data[p + 2] as number
        continue
      }
      let r = HALF
      let g = HALF
      let b = HALF
      let p = row + (taps.first[x] as number) * 4
      const w = x * taps.stride
      const count = taps.count[x] as number
      for (let k = 0; k < count; k++, p += 4) {
        const weight = taps.weights[w + k] as number
        r += weight * (data[p] as number)
        g += weight * (data[p + 1] as number)
        b += weight * (data[p + 2] as number)
      }
      out[o++] = clip(r)
      out[o++] = clip(g)
      out[o++] = clip(b)
    }
  }
  return out
}

function vertical(wide: Uint8Array, taps: Taps, firstRow: number, width: number, height: number): Uint8Array {
  const line = width * 3
  const out = new Uint8Array(height * line)
  const sums = new Float64Array(line)
  for (let y = 0; y < height; y++) {
    sums.fill(HALF)
    const count = taps.count[y] as number
    for (let k = 0; k < count; k++) {
      const weight = taps.weights[y * taps.stride + k] as number
      const from = ((taps.first[y] as number) - firstRow + k) * line
      for (let i = 0; i < line; i++) sums[i] = (sums[i] as number) + weight * (wide[from + i] as number)
    }
    for (let i = 0; i < line; i++) out[y * line + i] = clip(sums[i] as number)
  }
  return out
}

function clip(fixed: number): number {
  return Math.min(255, Math.max(0, Math.floor(fixed / (1 << PRECISION_BITS))))
}
