import { ModelError } from '../error.ts'
import { memoryChunks } from '../weights/source.ts'
import type { PackageSource } from './package-source.ts'

/** A package whose files are in memory, by name: a dropped ONNX file after `prepareModel`, or a test. */
export function memorySource(files: Readonly<Record<string, Uint8Array>>): PackageSource {
  const file = (name: string) => {
    const bytes = files[name]
    if (bytes === undefined) throw new ModelError('network', `the package has no file ${name}`)
    return bytes
  }
  return {
    async read(name, maxBytes) {
      const bytes = file(name)
      if (bytes.length > maxBytes)
        throw new ModelError('too-large', `${name}: ${bytes.length} bytes; at most ${maxBytes}`)
      return bytes
    },
    chunks: (name) => memoryChunks(file(name)),
  }
}
