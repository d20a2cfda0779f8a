import { malformed } from './header.ts'

/** Raw deflate (RFC 1951) with the platform's CompressionStream. */
export async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new CompressionStream('deflate-raw')
  const written = write(stream.writable, bytes)
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = stream.readable.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value)
    length += next.value.length
  }
  await written
  return join(chunks, length)
}

/**
 * The inverse, into exactly `length` bytes; a stream that holds more is cut off before it is kept.
 * @throws TensorError `malformed`
 */
export async function inflate(bytes: Uint8Array<ArrayBuffer>, length: number): Promise<Uint8Array> {
  const stream = new DecompressionStream('deflate-raw')
  const written = write(stream.writable, bytes).catch(() => {})
  const reader = stream.readable.getReader()
  const out = new Uint8Array(length)
  let at = 0
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (at + next.value.length > length) throw new RangeError('more bytes than the header announces')
      out.set(next.value, at)
      at += next.value.length
    }
    if (at < length) throw new RangeError(`${at} of ${length} bytes`)
  } catch (cause) {
    await reader.cancel(cause).catch(() => {})
    throw malformed('a feature map whose compressed payload is broken', cause)
  }
  await written
  return out
}

async function write(writable: WritableStream<BufferSource>, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const writer = writable.getWriter()
  await Promise.all([writer.write(bytes), writer.close()])
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks
  if (chunks.length === 1 && first !== undefined) return first
  const out = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
