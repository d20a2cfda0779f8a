const LENGTH_DELIMITED = 2

/** Pieces of a protobuf message, joined once. Order of fields does not matter in the wire format; merging is concatenation. */
export class WireParts {
  readonly #parts: Uint8Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** In order; weights are not copied. */
  get pieces(): readonly Uint8Array[] {
    return this.#parts
  }

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.#length += bytes.length
  }

  /** A length-delimited field. */
  field(number: number, bytes: Uint8Array): void {
    this.#head(number, bytes.length)
    this.raw(bytes)
  }

  nested(number: number, message: WireParts): void {
    this.#head(number, message.#length)
    for (const part of message.#parts) this.#parts.push(part)
    this.#length += message.#length
  }

  join(): Uint8Array {
    const out = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      out.set(part, at)
      at += part.length
    }
    return out
  }

  #head(number: number, length: number): void {
    this.raw(Uint8Array.from([...varint(number * 8 + LENGTH_DELIMITED), ...varint(length)]))
  }
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}
