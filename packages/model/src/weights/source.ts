import { type Range, sleep, systemClock } from '@roomful/core'

/**
 * Where bytes of weights.bin come from: HTTP, a folder, memory, or a peer. The reader asks for whole chunks, at most
 * `MAX_RUN_CHUNKS` at once, and checks what comes.
 */
export interface ChunkSource {
  /** Exactly the bytes `[start, end)`. Rejects with `signal.reason` when aborted. */
  read(range: Range, signal?: AbortSignal): Promise<Uint8Array>
}

/** Most chunks of one read: 4 MiB, also the most that a peer serves in one reply. */
export const MAX_RUN_CHUNKS = 16

/** Weights that are already in memory. Each read is a task of its own, so that checking a large file does not hold up a page. */
export function memoryChunks(weights: Uint8Array): ChunkSource {
  return {
    async read({ start, end }, signal) {
      await sleep(systemClock, 0, signal)
      return weights.subarray(start, end)
    },
  }
}
