import type { Range, TensorName } from '@roomful/core'
import {
  analyse,
  compose,
  type GraphAnalysis,
  GraphError,
  localCuts,
  localStep,
  type ModelGraph,
  outputRows,
  readModel,
  tileGeometry,
  writeModel,
} from '@roomful/graph'
import { ModelError, type ModelPackage, type PackageSource, sha256 } from '@roomful/model'
import type { DType } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { packSteps } from '../plan/pack-steps.ts'
import { type CutPoint, givenBy, type ModelExit, type StagedModel, type StagePart, takenBy } from './staged-model.ts'

interface Bottleneck {
  readonly encoder: ModelGraph
  readonly decoder: ModelGraph
  readonly codeShape: readonly number[]
}

const DTYPES: readonly string[] = ['float32', 'float16', 'uint8', 'int8', 'int32', 'int64', 'bool'] satisfies DType[]

/** A model package as the runtime needs it. */
export class PackageModel implements StagedModel {
  readonly package: ModelPackage
  readonly input: StagedModel['input']
  readonly output: StagedModel['output']
  readonly otherOutputs: readonly TensorName[]
  readonly exits: readonly ModelExit[]
  readonly points: readonly CutPoint[]
  readonly trunks: readonly string[]
  readonly macs: number
  readonly #analysis: GraphAnalysis
  readonly #dtypes: ReadonlyMap<TensorName, DType>
  readonly #bottlenecks: ReadonlyMap<string, Bottleneck>
  #held = false

  private constructor(pkg: ModelPackage, bottlenecks: ReadonlyMap<string, Bottleneck>) {
    const { input, exits, final, partitionPoints, trunks } = pkg.manifest
    this.package = pkg
    this.input = { tensor: input.tensor, dims: input.dims, spec: input }
    this.output = { tensor: final.output, temperature: final.temperature }
    this.exits = exits.map(({ name, from, output, temperature }) => ({ name, from, output, temperature }))
    const answered = new Set([final.output, ...exits.map(({ output: logits }) => logits)])
    this.otherOutputs = pkg.graph.outputs.map(({ name }) => name).filter((name) => !answered.has(name))
    this.points = partitionPoints.map(({ tensor, macsBefore, prefixDigest }) => ({ tensor, macsBefore, prefixDigest }))
    this.trunks = trunks.map(({ name }) => name)
    this.macs = trunks[0]?.macs ?? 0
    this.#analysis = analyse(pkg.graph)
    this.#dtypes = new Map(partitionPoints.flatMap(({ tensor, dtype }) => (isDType(dtype) ? [[tensor, dtype]] : [])))
    this.#bottlenecks = bottlenecks
  }

  /** Reads the package's bottleneck graphs, if any, from `source`. @throws ModelError, GraphError, `signal.reason` */
  static async of(pkg: ModelPackage, source?: PackageSource, signal?: AbortSignal): Promise<PackageModel> {
    const bottlenecks = new Map<string, Bottleneck>()
    for (const { tensor, variants } of pkg.manifest.partitionPoints) {
      for (const { name, bottleneck } of variants) {
        if (bottleneck === undefined || source === undefined) continue
        const encoder = await readGraph(source, bottleneck.encoder, signal)
        const decoder = await readGraph(source, bottleneck.decoder, signal)
        const shape = decoder.inputs[0]?.shape?.map(Number) ?? []
        bottlenecks.set(bottleneckKey(tensor, name), { encoder, decoder, codeShape: shape })
      }
    }
    return new PackageModel(pkg, bottlenecks)
  }

  get digest(): StagedModel['digest'] {
    return this.package.manifest.digest as StagedModel['digest']
  }

  held(): boolean {
    return this.#held
  }

  /** Brings all weights here; from then on this device completes anything alone. */
  async prefetch(signal?: AbortSignal): Promise<void> {
    await this.package.prefetch(signal === undefined ? {} : { signal })
    this.#held = true
  }

  shape(tensor: TensorName): readonly number[] | undefined {
    if (tensor === this.input.tensor) return this.input.dims
    return this.#analysis.tensors.get(tensor)?.shape
  }

  dtype(tensor: TensorName): DType {
    const known = this.#dtypes.get(tensor)
    if (known !== undefined) return known
    const dtype = this.#analysis.tensors.get(tensor)?.dtype ?? ''
    return isDType(dtype) ? dtype : 'float32'
  }

  inputRows(from: TensorName, to: TensorName, rows: Range): Range {
    return tileGeometry(this.#analysis, from, to, rows).inputRows
  }

  hasBottleneck(tensor: TensorName, name: string): boolean {
    return this.#bottlenecks.has(bottleneckKey(tensor, name))
  }

  codeShape(tensor: TensorName, name: string): readonly number[] | undefined {
    return this.#bottlenecks.get(bottleneckKey(tensor, name))?.codeShape
  }

  split(part: StagePart, maxMacs: number): readonly StagePart[] | undefined {
    try {
      return this.#split(part, maxMacs)
    } catch (error) {
      // A graph that cannot be cut inside of blocks still can at its partition points.
      if (error instanceof GraphError) return undefined
      throw error
    }
  }

  #split(part: StagePart, maxMacs: number): readonly StagePart[] | undefined {
    const { trunk, from, to, rows, decoder, encoder } = part
    // Other trunks have other tensors inside.
    if (rows !== undefined || trunk !== this.trunks[0]) return undefined
    const { cuts: all, work } = localCuts(this.#analysis, from, to)
    if (all.length === 0) return undefined
    // A bottleneck's code is what comes: what it stands for exists in the first session only.
    const cuts = decoder === undefined ? all : all.filter(({ tensors }) => !tensors.includes(from))
    const whole = { work, workBefore: cuts.map((cut) => cut.workBefore), bytes: cuts.map((cut) => cut.bytes) }
    const chosen = packSteps(whole, maxMacs).flatMap((index) =>
      cuts[index] === undefined ? [] : [cuts[index].tensors],
    )
    if (chosen.length === 0) return [part]
    const states = [[from], ...chosen, [to]]
    return states.slice(1).map((after, index): StagePart => {
      const { takes, gives } = localStep(this.#analysis, states[index] ?? [], after)
      const [first = from, ...alsoFrom] = takes
      const [last = to, ...alsoTo] = gives
      return {
        trunk,
        from: first,
        to: last,
        ...(alsoFrom.length === 0 ? {} : { alsoFrom }),
        ...(alsoTo.length === 0 ? {} : { alsoTo }),
        ...(index === 0 && decoder !== undefined ? { decoder } : {}),
        ...(index === states.length - 2 && encoder !== undefined ? { encoder } : {}),
      }
    })
  }

  async part(part: StagePart, signal?: AbortSignal): Promise<{ bytes: Uint8Array; fetchedBytes: number }> {
    const { trunk, from, to, rows, decoder, encoder } = part
    let fetchedBytes = 0
    const bytes = await this.package.subModel(
      rows === undefined ? { trunk, from: takenBy(part), to: givenBy(part) } : { trunk, from, to, rows },
      {
        ...(signal === undefined ? {} : { signal }),
        onProgress: (progress) => {
          fetchedBytes = progress.fetchedBytes
        },
      },
    )
    if (decoder === undefined && encoder === undefined) return { bytes, fetchedBytes }
    let graph = readModel(bytes)
    if (decoder !== undefined) graph = compose(this.#decoder(part, decoder), graph)
    if (encoder !== undefined) graph = compose(graph, this.#bottleneck(to, encoder).encoder)
    return { bytes: writeModel(graph).model, fetchedBytes }
  }

  /** It makes the whole tensor; rows of the part take theirs of it. */
  #decoder({ from, to, rows }: StagePart, name: string): ModelGraph {
    const { decoder } = this.#bottleneck(from, name)
    return rows === undefined ? decoder : outputRows(decoder, this.inputRows(from, to, rows))
  }

  #bottleneck(tensor: TensorName, name: string): Bottleneck {
    const found = this.#bottlenecks.get(bottleneckKey(tensor, name))
    if (found === undefined) throw new RuntimeError('bad-plan', `${tensor} has no bottleneck named ${name}`)
    return found
  }
}

const bottleneckKey = (tensor: TensorName, name: string) => JSON.stringify([tensor, name])

function isDType(name: string): name is DType {
  return DTYPES.includes(name)
}

async function readGraph(
  source: PackageSource,
  file: { readonly path: string; readonly bytes: number; readonly sha256: string },
  signal: AbortSignal | undefined,
): Promise<ModelGraph> {
  const bytes = await source.read(file.path, file.bytes, signal)
  if ((await sha256(bytes)) !== file.sha256) throw new ModelError('corrupt', `${file.path} differs from its SHA-256`)
  return readModel(bytes)
}
