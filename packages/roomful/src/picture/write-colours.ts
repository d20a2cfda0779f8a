/** Bits of a pixel's colours, where its first byte is the lowest one; the others are its alpha. */
const COLOURS = 0x00ffffff
const IS_LITTLE_ENDIAN = new Uint8Array(Int32Array.of(1).buffer)[0] === 1

/** Writes the colours of RGB (3 channels) or RGBA (4) pixels into RGBA ones, whose alpha stays as it is. */
export function writeColours(target: Uint8ClampedArray, data: Uint8ClampedArray | Uint8Array, channels: 3 | 4): void {
  const areWords = channels === 4 && target.byteOffset % 4 === 0 && data.byteOffset % 4 === 0
  if (areWords && IS_LITTLE_ENDIAN && data.length >= target.length) {
    writeWords(target, data)
    return
  }
  for (let from = 0, to = 0; to < target.length; from += channels, to += 4) {
    target[to] = data[from] as number
    target[to + 1] = data[from + 1] as number
    target[to + 2] = data[from + 2] as number
  }
}

/**
 * A pixel at a time: a phone that asks encodes every picture, and waits for it. Signed words: an opaque pixel is a small integer then, which needs
 * no memory of its own before this is compiled.
 */
function writeWords(target: Uint8ClampedArray, data: Uint8ClampedArray | Uint8Array): void {
  const to = new Int32Array(target.buffer, target.byteOffset, target.length >> 2)
  const from = new Int32Array(data.buffer, data.byteOffset, target.length >> 2)
  for (let pixel = 0; pixel < to.length; pixel++) {
    to[pixel] = ((from[pixel] as number) & COLOURS) | ((to[pixel] as number) & ~COLOURS)
  }
}
