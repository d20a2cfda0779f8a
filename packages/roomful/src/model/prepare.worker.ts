import { toWire, type WireError } from '@roomful/core'
import { prepareModel } from '@roomful/model'

/** A dropped ONNX file and its name. */
export interface PrepareJob {
  readonly file: Blob
  readonly name?: string
}

/** The package's files by name, or why there is none. */
export type PrepareOutcome =
  | { readonly ok: true; readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>> }
  | { readonly ok: false; readonly error: WireError }

/** Makes packages of ONNX files away from the page's thread: parsing, digests and writing take tens of milliseconds. */
self.onmessage = async ({ data }: MessageEvent<PrepareJob>) => {
  const outcome = await prepare(data)
  const transfer = outcome.ok ? [...new Set(Object.values(outcome.files).map((file) => file.buffer))] : []
  self.postMessage(outcome, { transfer })
}

async function prepare({ file, name }: PrepareJob): Promise<PrepareOutcome> {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer())
    const prepared = await prepareModel(bytes, name === undefined ? {} : { name: name.slice(0, 100) })
    const { graph, weights } = prepared.manifest.files
    return {
      ok: true,
      files: {
        'model.json': prepared.manifestBytes.slice(),
        [graph.path]: prepared.graphBytes.slice(),
        [weights.path]: prepared.weightsBytes.slice(),
      },
    }
  } catch (error) {
    return { ok: false, error: toWire(error) }
  }
}
