import { open, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { type ChunkSource, ModelError, type PackageSource } from '@roomful/model'

/** A model package in a folder. */
export function directorySource(folder: string): PackageSource {
  return {
    async read(name, maxBytes) {
      const file = path.join(folder, name)
      const { size } = await stat(file).catch((cause: unknown) => {
        throw new ModelError(
          'network',
          `${file}: no such file; a model package has model.json, graph.onnx and weights.bin`,
          {
            cause,
          },
        )
      })
      if (size > maxBytes) throw new ModelError('too-large', `${file}: ${size} bytes; at most ${maxBytes} are read`)
      return new Uint8Array(await readFile(file))
    },
    chunks: (name): ChunkSource => ({
      async read({ start, end }, signal) {
        signal?.throwIfAborted()
        const handle = await open(path.join(folder, name))
        try {
          const bytes = new Uint8Array(end - start)
          const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
          return bytes.subarray(0, bytesRead)
        } finally {
          await handle.close()
        }
      },
    }),
  }
}
