import type { Range } from '@roomful/core'
import { ModelError } from '../error.ts'
import type { ChunkSource } from '../weights/source.ts'
import type { PackageSource } from './package-source.ts'

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A package folder behind HTTP; `url` is the folder or its model.json. */
export function httpSource(url: string, fetch: Fetch): PackageSource {
  const folder = url.endsWith('/model.json') ? url.slice(0, -'model.json'.length) : url.replace(/\/*$/, '/')
  return {
    async read(name, maxBytes, signal) {
      const response = await fetch(folder + name, init(signal))
      if (!response.ok) throw new ModelError('network', `${folder}${name}: HTTP ${response.status}`)
      return boundedBody(response, maxBytes, folder + name)
    },
    chunks: (name, bytes) => httpChunks(folder + name, bytes, fetch),
  }
}

/**
 * Byte ranges by HTTP (RFC 9110, section 14). A server that ignores Range answers 200 with the whole file: it is then read
 * once, kept, and cut here.
 */
export function httpChunks(url: string, bytes: number, fetch: Fetch): ChunkSource {
  let whole: Promise<Uint8Array> | undefined
  return {
    async read(range: Range, signal?: AbortSignal) {
      if (whole !== undefined) return (await whole).subarray(range.start, range.end)
      const header = `bytes=${range.start}-${range.end - 1}`
      const response = await fetch(url, { ...init(signal), headers: { range: header }, cache: 'no-store' })
      if (response.status === 206) {
        checkContentRange(response, range, url)
        return boundedBody(response, range.end - range.start, url)
      }
      if (response.status !== 200) {
        await response.body?.cancel()
        throw new ModelError('network', `${url}: HTTP ${response.status}`)
      }
      if (whole === undefined) {
        const reading = boundedBody(response, bytes, url)
        whole = reading
        reading.catch(() => {
          if (whole === reading) whole = undefined
        })
      } else await response.body?.cancel()
      return (await whole).subarray(range.start, range.end)
    },
  }
}

function init(signal: AbortSignal | undefined): RequestInit {
  return signal === undefined ? {} : { signal }
}

function checkContentRange(response: Response, range: Range, url: string): void {
  const header = response.headers.get('content-range')
  if (header !== null && !header.startsWith(`bytes ${range.start}-${range.end - 1}/`)) {
    throw new ModelError(
      'network',
      `${url}: asked for bytes ${range.start}-${range.end - 1}, the server sent ${header}`,
    )
  }
}

/** The body, refused as soon as more than `maxBytes` have come. @throws ModelError `too-large` */
async function boundedBody(response: Response, maxBytes: number, url: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let total = 0
  if (response.body === null) return new Uint8Array()
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    total += value.length
    if (total > maxBytes) {
      await reader.cancel()
      throw new ModelError('too-large', `${url}: more than the expected ${maxBytes} bytes came`)
    }
    parts.push(value)
  }
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const out = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
