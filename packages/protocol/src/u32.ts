// Little-endian. A DataView for every slice costs more than what it reads.
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** The bytes must be there. */
export function readU32(bytes: Uint8Array, at: number): number {
  const { [at]: a = 0, [at + 1]: b = 0, [at + 2]: c = 0, [at + 3]: d = 0 } = bytes
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
}
