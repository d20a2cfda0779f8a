/**
 * Byte shuffle (as in Blosc): all first bytes of the elements, then all second bytes, ... Exponents and signs of
 * neighbours are alike, mantissas are noise; apart they compress, mixed they do not.
 */
export function shuffleBytes(bytes: Uint8Array, elementBytes: number, out: Uint8Array): void {
  const count = bytes.length / elementBytes
  for (let plane = 0; plane < elementBytes; plane++) {
    const to = plane * count
    for (let i = 0, from = plane; i < count; i++, from += elementBytes) out[to + i] = bytes[from] as number
  }
}

/** The inverse of `shuffleBytes`. */
export function unshuffleBytes(bytes: Uint8Array, elementBytes: number, out: Uint8Array): void {
  const count = bytes.length / elementBytes
  for (let plane = 0; plane < elementBytes; plane++) {
    const from = plane * count
    for (let i = 0, to = plane; i < count; i++, to += elementBytes) out[to] = bytes[from + i] as number
  }
}
