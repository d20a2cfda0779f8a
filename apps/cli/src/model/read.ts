import { closeSync, openSync, readSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { TensorName } from '@roomful/core'
import { analyse, loadWeights, type ModelGraph, readModel } from '@roomful/graph'
import { checkManifest, type Manifest, parseManifest } from '@roomful/model'
import { type PlannableModel, plannableModel } from '@roomful/planner'
import { CommandError, numberList, UsageError } from '../command.ts'

/** A model as the command line reads it: an ONNX file, or a package folder with its manifest. */
export interface ReadResult {
  readonly graph: ModelGraph
  readonly manifest?: Manifest
  /** The package's compressed trunks by name, without weights. */
  readonly trunks: ReadonlyMap<string, ModelGraph>
}

export interface ReadModelOptions {
  /** `1,3,224,224` for the first input, or `name:1,3,224,224`, several with semicolons. */
  readonly inputShape?: string | undefined
  /** Whether external weights are read too. */
  readonly weights: boolean
}

/** @throws CommandError `file`; GraphError; ModelError; UsageError for a bad --input-shape */
export async function readModelAt(file: string, options: ReadModelOptions): Promise<ReadResult> {
  const info = await stat(file).catch((cause: unknown) => {
    throw new CommandError('file', `${file}: no such file or folder`, { cause })
  })
  const folder = info.isDirectory()
  const manifest = folder ? await parseManifest(await readBytes(path.join(file, 'model.json'))) : undefined
  const graphFile = folder ? path.join(file, manifest?.files.graph.path ?? 'graph.onnx') : file
  const read = async (from: string): Promise<ModelGraph> => {
    const bytes = await readBytes(from)
    const graph = readModel(bytes)
    if (options.inputShape === undefined) refuseSymbolic(graph)
    return options.inputShape === undefined
      ? graph
      : readModel(bytes, { inputShapes: inputShapes(options.inputShape, graph) })
  }
  let graph = await read(graphFile)
  if (options.weights) graph = withExternalWeights(graph, path.dirname(graphFile))
  const trunks = new Map<string, ModelGraph>()
  for (const { name, files } of manifest?.trunks.slice(1) ?? []) {
    if (files !== undefined) trunks.set(name, await read(path.join(file, files.graph.path)))
  }
  return manifest === undefined ? { graph, trunks } : { graph, trunks, manifest: await checkManifest(manifest) }
}

/** The planner's view of a model that was read. `keep`: tensors that must be among its cuts. */
export function plannableOf({ graph, manifest, trunks }: ReadResult, keep: readonly TensorName[] = []): PlannableModel {
  const analyses = new Map([...trunks].map(([name, trunk]) => [name, analyse(trunk)]))
  return plannableModel(analyse(graph), { keep, trunks: analyses, ...(manifest === undefined ? {} : { manifest }) })
}

async function readBytes(file: string): Promise<Uint8Array> {
  return new Uint8Array(
    await readFile(file).catch((cause: unknown) => {
      throw new CommandError('file', `${file}: cannot be read`, { cause })
    }),
  )
}

/** A symbolic first dimension counts as one picture; any other needs a size. */
function refuseSymbolic(graph: ModelGraph): void {
  for (const { name, shape } of graph.inputs) {
    if (!shape?.slice(1).some((dim) => typeof dim === 'string')) continue
    const example = shape.map((dim, i) => (typeof dim === 'number' ? dim : i === 0 ? 1 : 224)).join(',')
    throw new CommandError(
      'input',
      `input ${name} is [${shape.join(',')}]: give its sizes with --input-shape, such as ${example}`,
    )
  }
}

function inputShapes(text: string, graph: ModelGraph): Record<string, number[]> {
  const shapes: Record<string, number[]> = {}
  for (const part of text.split(';')) {
    const colon = part.lastIndexOf(':')
    const name = colon < 0 ? graph.inputs[0]?.name : part.slice(0, colon)
    const dims = numberList(part.slice(colon + 1), 'input-shape')
    if (name === undefined || !graph.inputs.some((input) => input.name === name)) {
      const names = graph.inputs.map((input) => input.name).join(', ')
      throw new UsageError(`--input-shape: the model has no input ${name ?? ''}; it has ${names}`)
    }
    if (dims.some((dim) => !Number.isInteger(dim) || dim < 1)) {
      throw new UsageError(`--input-shape ${part}: sizes are whole numbers of at least 1`)
    }
    shapes[name] = dims
  }
  return shapes
}

/** Reads external weights next to the model file; a location outside its folder is refused (ONNX external data rules). */
function withExternalWeights(graph: ModelGraph, folder: string): ModelGraph {
  const handles = new Map<string, number>()
  try {
    return loadWeights(graph, ({ location, offset, length }) => {
      const file = path.resolve(folder, location)
      if (path.relative(folder, file).startsWith('..')) {
        throw new CommandError('input', `external weights ${location} lie outside the model's folder`)
      }
      let handle = handles.get(file)
      if (handle === undefined) {
        handle = openSync(file, 'r')
        handles.set(file, handle)
      }
      const bytes = new Uint8Array(length)
      if (readSync(handle, bytes, 0, length, offset) !== length) {
        throw new CommandError('input', `external weights ${location} end before byte ${offset + length}`)
      }
      return bytes
    })
  } finally {
    for (const handle of handles.values()) closeSync(handle)
  }
}
