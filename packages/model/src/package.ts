import { type Clock, type Range, sleep, systemClock, type TensorName, type TrunkName } from '@roomful/core'
import { extract, loadWeights, type ModelGraph, readModel, tile, weightRanges, writeModelPieces } from '@roomful/graph'
import { sha256 } from './digest.ts'
import { ModelError } from './error.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from './manifest/check.ts'
import { CHUNK_BYTES, type Manifest, type ManifestFiles } from './manifest/schema.ts'
import { type Fetch, httpSource } from './source/http.ts'
import type { PackageSource } from './source/package-source.ts'
import { type WeightProgress, WeightReader } from './weights/reader.ts'
import { MAX_RUN_CHUNKS } from './weights/source.ts'
import { type ChunkStore, memoryStore } from './weights/store.ts'

/** Largest graph.onnx or bottleneck half that is read whole, in bytes. */
const MAX_GRAPH_BYTES = 64 << 20

export interface OpenOptions {
  /** Needed for a URL. Default the global `fetch`. */
  readonly fetch?: Fetch
  /** Where checked chunks are kept. Default 64 MiB of memory; `browserStore()` in a page. */
  readonly store?: ChunkStore
  readonly signal?: AbortSignal
  readonly clock?: Clock
  /** Longest wait for one request of weights, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number
}

export interface ReadOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: WeightProgress) => void
}

/** A part of the model. `rows`: half-open rows of `to` that are computed; the input is then the rows needed for them. */
export interface Part {
  readonly from: TensorName | readonly TensorName[]
  readonly to: TensorName | readonly TensorName[]
  readonly rows?: Range
  /** Weight variant; default `main`. */
  readonly trunk?: TrunkName
}

/** A file's entry in the manifest. */
export type FileEntry = ManifestFiles['graph']

/** Structure and weights of one trunk. */
interface TrunkFiles {
  readonly graph: ModelGraph
  readonly graphBytes: Uint8Array
  readonly weights: WeightReader
}

/** A model package that is open: the structure is here, weights come when a part is asked for. */
export class ModelPackage {
  readonly manifest: Manifest
  /** model.json as it was read; what a peer is given. */
  readonly manifestBytes: Uint8Array
  readonly #source: PackageSource
  readonly #options: OpenOptions
  readonly #store: ChunkStore
  readonly #main: TrunkFiles
  readonly #trunks = new Map<TrunkName, Promise<TrunkFiles>>()

  private constructor(
    manifest: Manifest,
    manifestBytes: Uint8Array,
    source: PackageSource,
    options: OpenOptions,
    main: TrunkFiles,
    store: ChunkStore,
  ) {
    this.manifest = manifest
    this.manifestBytes = manifestBytes
    this.#source = source
    this.#options = options
    this.#main = main
    this.#store = store
  }

  /** @throws ModelError, GraphError, `signal.reason` */
  static async open(source: PackageSource, options: OpenOptions = {}): Promise<ModelPackage> {
    const manifestBytes = await source.read('model.json', MAX_MANIFEST_BYTES, options.signal)
    const manifest = await parseManifest(manifestBytes)
    const store = options.store ?? memoryStore()
    const main = await openFiles(manifest.files, source, store, options, options.signal)
    return new ModelPackage(manifest, manifestBytes, source, options, main, store)
  }

  /** The main trunk with all exits; its weights are external and not loaded. */
  get graph(): ModelGraph {
    return this.#main.graph
  }

  /** graph.onnx as it was read; what a peer is given. */
  get graphBytes(): Uint8Array {
    return this.#main.graphBytes
  }

  /** weights.bin of the main trunk, read through the store; what peers are served from. */
  get weights(): WeightReader {
    return this.#main.weights
  }

  /** The structure of a weight variant. @throws ModelError `no-such-tensor` for an unknown trunk */
  async trunkGraph(trunk: TrunkName, signal?: AbortSignal): Promise<ModelGraph> {
    return (await this.#files(trunk, signal)).graph
  }

  /** A small file of the package, such as a bottleneck's encoder, checked. @throws ModelError; `signal.reason` */
  file(entry: FileEntry, signal?: AbortSignal): Promise<Uint8Array> {
    return readChecked(this.#source, entry, signal)
  }

  /**
   * ONNX bytes of exactly that part with its weights inside; only the chunks that hold them are fetched.
   * @throws GraphError `unknown-tensor`, `not-separating`, `not-tileable`
   * @throws ModelError `network`, `corrupt`; `signal.reason`
   */
  async subModel(part: Part, options: ReadOptions = {}): Promise<Uint8Array> {
    const { graph, weights } = await this.#files(part.trunk ?? 'main', options.signal)
    const loaded = await withWeights(partOf(graph, part), weights, options)
    return joinInTasks(writeModelPieces(loaded), options.signal)
  }

  /** Bytes of weights that `part` needs; what a page shows before it downloads. */
  async partBytes(part: Part): Promise<number> {
    const { graph } = await this.#files(part.trunk ?? 'main')
    return weightRanges(partOf(graph, part)).reduce((sum, range) => sum + range.length, 0)
  }

  /** Brings all weights of the main trunk into the store, 4 MiB at a time. */
  async prefetch(options: ReadOptions = {}): Promise<void> {
    const totalBytes = this.manifest.files.weights.bytes
    let fetchedBefore = 0
    const step = MAX_RUN_CHUNKS * CHUNK_BYTES
    for (let start = 0; start < totalBytes; start += step) {
      let fetched = 0
      const onProgress = (progress: WeightProgress) => {
        fetched = progress.fetchedBytes
        const doneBytes = start + progress.doneBytes
        options.onProgress?.({ doneBytes, fetchedBytes: fetchedBefore + fetched, totalBytes })
      }
      const range = { start, end: Math.min(totalBytes, start + step) }
      await this.#main.weights.readAll([range], { ...options, onProgress })
      fetchedBefore += fetched
    }
  }

  #files(trunk: TrunkName, signal?: AbortSignal): Promise<TrunkFiles> {
    const entry = this.manifest.trunks.find(({ name }) => name === trunk)
    if (entry === undefined) {
      return Promise.reject(new ModelError('no-such-tensor', `${this.manifest.name} has no trunk ${trunk}`))
    }
    const { files } = entry
    if (files === undefined) return Promise.resolve(this.#main)
    const opened = this.#trunks.get(trunk)
    if (opened !== undefined) return opened
    const opening = openFiles(files, this.#source, this.#store, this.#options, signal)
    this.#trunks.set(trunk, opening)
    opening.catch(() => this.#trunks.delete(trunk))
    return opening
  }
}

/** A package from its folder's URL, or from any other source. @throws ModelError, GraphError, `signal.reason` */
export function openModelPackage(from: string | PackageSource, options: OpenOptions = {}): Promise<ModelPackage> {
  if (typeof from !== 'string') return ModelPackage.open(from, options)
  return ModelPackage.open(httpSource(from, options.fetch ?? ((url, init) => fetch(url, init))), options)
}

async function openFiles(
  files: ManifestFiles,
  source: PackageSource,
  store: ChunkStore,
  options: OpenOptions,
  signal: AbortSignal | undefined,
): Promise<TrunkFiles> {
  const { graph, weights } = files
  const graphBytes = await readChecked(source, graph, signal)
  const reader = new WeightReader({
    file: weights,
    source: source.chunks(weights.path, weights.bytes),
    store,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  })
  return { graph: readModel(graphBytes), graphBytes, weights: reader }
}

/** @throws ModelError `too-large`, `network`, `corrupt` */
async function readChecked(source: PackageSource, entry: FileEntry, signal?: AbortSignal): Promise<Uint8Array> {
  const { path, bytes: size } = entry
  if (size > MAX_GRAPH_BYTES) {
    throw new ModelError('too-large', `${path}: ${size} bytes; at most ${MAX_GRAPH_BYTES} are read`)
  }
  const bytes = await source.read(path, size, signal)
  if (bytes.length !== size || (await sha256(bytes)) !== entry.sha256) {
    throw new ModelError('corrupt', `${path} differs from its SHA-256; the file has changed or is damaged`)
  }
  return bytes
}

/** Bytes that are copied in one task: a few milliseconds of a page's thread. */
const TASK_BYTES = 8 << 20

/** Concatenates; between stretches of TASK_BYTES other tasks of the page go first. */
async function joinInTasks(pieces: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array> {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  let pauseAt = 0
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += TASK_BYTES) {
      if (at >= pauseAt) {
        await sleep(systemClock, 0, signal)
        pauseAt = at + TASK_BYTES
      }
      const part = piece.subarray(from, from + TASK_BYTES)
      out.set(part, at)
      at += part.length
    }
  }
  return out
}

function partOf(graph: ModelGraph, { from, to, rows }: Part): ModelGraph {
  if (rows === undefined) return extract(graph, from, to)
  if (typeof from !== 'string' || typeof to !== 'string')
    throw new ModelError('no-such-tensor', 'rows of several tensors at once cannot be asked for')
  return tile(graph, from, to, rows).graph
}

async function withWeights(graph: ModelGraph, weights: WeightReader, options: ReadOptions): Promise<ModelGraph> {
  const ranges = weightRanges(graph)
  const parts = await weights.readAll(
    ranges.map(({ offset, length }) => ({ start: offset, end: offset + length })),
    options,
  )
  return loadWeights(graph, ({ offset, length }) => {
    const index = ranges.findIndex((range) => offset >= range.offset && offset + length <= range.offset + range.length)
    const range = ranges[index]
    const bytes = parts[index]
    if (range === undefined || bytes === undefined)
      throw new ModelError('corrupt', `weights at ${offset} are in no range`)
    return bytes.subarray(offset - range.offset, offset - range.offset + length)
  })
}
