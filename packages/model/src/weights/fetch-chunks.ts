import { type Clock, errorText, withDeadline } from '@roomful/core'
import { sha256 } from '../digest.ts'
import { ModelError } from '../error.ts'
import type { ManifestFiles } from '../manifest/schema.ts'
import { extentOf } from './runs.ts'
import type { ChunkSource } from './source.ts'

export interface ChunkRequest {
  readonly file: ManifestFiles['weights']
  readonly source: ChunkSource
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Neighbouring chunks by one request, each in an array of its own and checked. `indexes` are consecutive.
 * @throws ModelError `network` or `corrupt`; `signal.reason`
 */
export async function fetchChunks(indexes: readonly number[], request: ChunkRequest): Promise<Uint8Array[]> {
  const { file, source, clock, timeoutMs, signal } = request
  const { start } = extentOf(indexes[0] ?? 0, file.bytes)
  const { end } = extentOf(indexes.at(-1) ?? 0, file.bytes)
  const what = `weights [${start}, ${end}) of ${file.path}`
  signal.throwIfAborted()
  const attempt = new AbortController()
  const bytes = await withDeadline(source.read({ start, end }, AbortSignal.any([signal, attempt.signal])), {
    clock,
    timeoutMs,
    signal,
    onTimeout: () => {
      attempt.abort()
      return new ModelError('network', `${what} did not come within ${timeoutMs} ms`)
    },
  }).catch((cause: unknown) => {
    signal.throwIfAborted()
    if (cause instanceof ModelError) throw cause
    throw new ModelError('network', `${what}: ${errorText(cause)}`, { cause })
  })
  if (bytes.length !== end - start) throw new ModelError('corrupt', `${what}: ${bytes.length} bytes came`)
  const chunks: Uint8Array[] = []
  for (const index of indexes) {
    const extent = extentOf(index, file.bytes)
    const chunk = bytes.slice(extent.start - start, extent.end - start)
    if ((await sha256(chunk)) !== file.chunks[index]) {
      const why = 'differs from its SHA-256; the file has changed or is damaged'
      throw new ModelError('corrupt', `chunk ${index} of ${file.path} ${why}`)
    }
    chunks.push(chunk)
  }
  return chunks
}
