/** Writes the colours of RGB (3 channels) or RGBA (4) pixels into RGBA ones, whose alpha stays as it is. */
export function writeColours(target: Uint8ClampedArray, data: Uint8ClampedArray | Uint8Array, channels: 3 | 4): void {
  for (let from = 0, to = 0; to < target.length; from += channels, to += 4) {
    target[to] = data[from] as number
    target[to + 1] = data[from + 1] as number
    target[to + 2] = data[from + 2] as number
  }
}
