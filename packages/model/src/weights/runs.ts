import type { Range } from '@roomful/core'
import { CHUNK_BYTES } from '../manifest/schema.ts'
import { MAX_RUN_CHUNKS } from './source.ts'

/** The bytes of chunk `index` in a file of `fileBytes` bytes. */
export function extentOf(index: number, fileBytes: number): Range {
  return { start: index * CHUNK_BYTES, end: Math.min((index + 1) * CHUNK_BYTES, fileBytes) }
}

/** Indexes of the chunks that the byte ranges touch, each once, ascending. Empty ranges touch none. */
export function chunksOf(ranges: readonly Range[]): number[] {
  const indexes = new Set<number>()
  for (const { start, end } of ranges) {
    if (end <= start) continue
    for (let i = Math.floor(start / CHUNK_BYTES); i * CHUNK_BYTES < end; i++) indexes.add(i)
  }
  return [...indexes].sort((a, b) => a - b)
}

/** Ascending chunk indexes as runs of neighbours, none longer than MAX_RUN_CHUNKS: one request each. */
export function coalesce(indexes: readonly number[]): number[][] {
  const runs: number[][] = []
  for (const index of indexes) {
    const run = runs.at(-1)
    if (run !== undefined && run.at(-1) === index - 1 && run.length < MAX_RUN_CHUNKS) run.push(index)
    else runs.push([index])
  }
  return runs
}
