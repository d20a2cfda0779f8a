import type { ChunkSource } from '../weights/source.ts'

/** Where a model package comes from: HTTP, a folder, memory or a peer. Names are plain file names of the package. */
export interface PackageSource {
  /**
   * A whole small file.
   * @throws ModelError `too-large` when it has more than `maxBytes`, `network` when it cannot be read
   */
  read(name: string, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array>
  /** Ranges of a large file of `bytes` bytes. */
  chunks(name: string, bytes: number): ChunkSource
}
