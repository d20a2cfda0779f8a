import { sha256 } from '../digest.ts'
import { CHUNK_BYTES, type ManifestFiles } from '../manifest/schema.ts'

export const GRAPH_FILE = 'graph.onnx'
export const WEIGHTS_FILE = 'weights.bin'

/** The manifest's entry for a pair of files, with the SHA-256 of each chunk. */
export async function describeFiles(graph: Uint8Array, weights: Uint8Array): Promise<ManifestFiles> {
  const chunks: string[] = []
  for (let start = 0; start < weights.length; start += CHUNK_BYTES) {
    chunks.push(await sha256(weights.subarray(start, start + CHUNK_BYTES)))
  }
  return {
    graph: { path: GRAPH_FILE, bytes: graph.length, sha256: await sha256(graph) },
    weights: {
      path: WEIGHTS_FILE,
      bytes: weights.length,
      sha256: await sha256(weights),
      chunkBytes: CHUNK_BYTES,
      chunks,
    },
  }
}
