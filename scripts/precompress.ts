import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const COMPRESSIBLE = /\.(html|js|mjs|css|json|wasm|onnx|svg|txt|webmanifest)$/
const SMALLEST = 1024
/** Above this size the strongest brotli takes minutes. */
const LARGE = 1024 * 1024

const encoders = {
  '.br': (bytes: Buffer) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: bytes.length > LARGE ? 9 : 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  '.gz': (bytes: Buffer) => promisify(gzip)(bytes, { level: bytes.length > LARGE ? 6 : 9 }),
}

export interface PrecompressOptions {
  readonly outDir: string
  /** Results by content: ONNX Runtime's binaries are most of the work and change with the library only. */
  readonly cacheDir: string
  /** Written last; its time tells when the build was complete. */
  readonly doneFile: string
}

/** Writes .br and .gz beside each built text, script and WASM file; the server sends them as they are. */
export function precompress({ outDir, cacheDir, doneFile }: PrecompressOptions): Plugin {
  return {
    name: 'roomful-precompress',
    apply: 'build',
    async closeBundle(error?: Error) {
      if (error !== undefined) return
      await mkdir(cacheDir, { recursive: true })
      for (const file of await filesIn(outDir)) {
        if (COMPRESSIBLE.test(file) && (await stat(file)).size >= SMALLEST) await compress(file, cacheDir)
      }
      await writeFile(doneFile, '')
    },
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
}

async function compress(file: string, cacheDir: string): Promise<void> {
  const bytes = await readFile(file)
  const digest = createHash('sha256').update(bytes).digest('hex')
  for (const [extension, encode] of Object.entries(encoders)) {
    const kept = path.join(cacheDir, digest + extension)
    let encoded = await readFile(kept).catch(() => undefined)
    if (encoded === undefined) {
      encoded = await encode(bytes)
      await writeFile(`${kept}.${process.pid}`, encoded)
      await rename(`${kept}.${process.pid}`, kept)
    }
    if (encoded.length < bytes.length) await writeFile(file + extension, encoded)
  }
}
