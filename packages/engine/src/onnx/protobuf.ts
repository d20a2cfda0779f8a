/** The least of the protobuf wire format that an ONNX file needs: varints, floats and length-delimited fields. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = []

  /** Field of type int32, int64 or enum; negative values as ten bytes. */
  int(field: number, value: number): this {
    return this.#tag(field, 0).#varint(BigInt(value))
  }

  float(field: number, value: number): this {
    this.#tag(field, 5)
    this.#parts.push(new Uint8Array(Float32Array.of(value).buffer))
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2).#varint(BigInt(value.length))
    this.#parts.push(value)
    return this
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value))
  }

  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish())
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of this.#parts) {
      out.set(part, at)
      at += part.length
    }
    return out
  }

  #tag(field: number, wireType: number): this {
    return this.#varint(BigInt(field * 8 + wireType))
  }

  #varint(value: bigint): this {
    let rest = BigInt.asUintN(64, value)
    const out: number[] = []
    while (rest > 127n) {
      out.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    out.push(Number(rest))
    this.#parts.push(Uint8Array.from(out))
    return this
  }
}
