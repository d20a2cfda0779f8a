import { seededRandom, type TensorName } from '@roomful/core'
import { analyse, extract, type GraphAnalysis, type ModelGraph, partitionPoints, writeModel } from '@roomful/graph'
import type { FeatureMaps } from '@roomful/tensor'
import type { Progress } from '../progress.ts'
import { spread } from '../spread.ts'
import { type Cut, checkCut } from './cuts.ts'
import { verificationInputs } from './inputs.ts'
import { checkTiles } from './tiles.ts'
import { tileVolumes, type Untileable } from './volumes.ts'
import { runModel, runWhole } from './whole.ts'

/** The largest error that counts as equal, as a share of the output's range: DESIGN's exactness contract. */
export const TOLERANCE = 1e-4

/** What `verify --json` prints. Errors are shares of the output's range. */
export interface Verification {
  readonly ok: boolean
  readonly cuts: { readonly checked: number; readonly maxAbsError: number }
  readonly tiles: {
    readonly checked: number
    readonly maxAbsError: number
    readonly untileable: readonly Untileable[]
  }
  /** Worst cut with ONNX Runtime's graph optimisation on, against the optimised whole; reported, not judged. */
  readonly optimisedMaxAbsError: number
}

export interface VerifyOptions {
  /** How many cuts, evenly spread; default all. */
  readonly cuts?: number
  /** Into how many strips each volume is split. */
  readonly rows: readonly number[]
  /** Cuts towards this output only; default all outputs together, then the last one alone. */
  readonly output?: TensorName | undefined
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly seed: number
}

/** Above this many bytes of weights the optimised runs are made at four cuts only. */
const MANY_BYTES = 64 << 20

/**
 * Runs the whole model against every cut and every tileable volume. The graph holds its weights.
 * @throws GraphError, CommandError when the model cannot be analysed or run at all
 */
export async function verifyModel(graph: ModelGraph, options: VerifyOptions): Promise<Verification> {
  const analysis = analyse(graph)
  const random = seededRandom(options.seed)
  const inputs = verificationInputs(analysis, random)
  const all = allCuts(analysis, options.output)
  const cuts = options.cuts === undefined ? all : spread(all, options.cuts)
  const whole = await runWhole(
    graph,
    all.map((cut) => cut.at),
    inputs,
  ).then((results) => results.map((result, i) => ({ ...inputs[i], ...result })))
  let cutError = 0
  for (const [i, cut] of cuts.entries()) {
    options.signal.throwIfAborted()
    cutError = Math.max(cutError, await checkCut(graph, cut, inputs, whole, false))
    options.progress.update('cuts', i + 1, cuts.length)
  }
  options.progress.end()
  const optimised = await optimisedError(graph, cuts, inputs, options)
  const chain = chainOf(graph, all, options.output)
  const { volumes, untileable } = tileVolumes(analysis, chain)
  let checked = 0
  let tileError = 0
  for (const [i, volume] of volumes.entries()) {
    options.signal.throwIfAborted()
    const { strips, error } = await checkTiles(analysis, volume, options.rows, whole, random)
    checked += strips
    tileError = Math.max(tileError, error)
    options.progress.update('volumes', i + 1, volumes.length)
  }
  options.progress.end()
  return {
    ok: cutError <= TOLERANCE && tileError <= TOLERANCE,
    cuts: { checked: cuts.length, maxAbsError: finite(cutError) },
    tiles: { checked, maxAbsError: finite(tileError), untileable },
    optimisedMaxAbsError: finite(optimised),
  }
}

/** JSON has no Infinity, and null would compare as small. */
const finite = (value: number): number => Math.min(value, Number.MAX_VALUE)

/**
 * Every place to cut, in the order of the network. A tensor that separates the inputs from all outputs is cut towards all
 * of them, one that separates only the last output towards that one.
 */
function allCuts(analysis: GraphAnalysis, output: TensorName | undefined): Cut[] {
  const outputs = analysis.graph.outputs.map(({ name }) => name)
  const last = output ?? outputs.at(-1)
  if (last === undefined) return []
  const ends = new Set([...outputs, ...analysis.graph.inputs.map(({ name }) => name)])
  const separatesAll = new Set(
    output === undefined ? partitionPoints(analysis, { output: outputs }).map((point) => point.tensor) : [],
  )
  return partitionPoints(analysis, { output: last })
    .filter(({ tensor }) => !ends.has(tensor))
    .map(({ tensor }) => ({ at: tensor, outputs: separatesAll.has(tensor) ? outputs : [last] }))
}

/** The tensors between which volumes are tiled: a single input, the partition points, the last output. */
function chainOf(graph: ModelGraph, cuts: readonly Cut[], output: TensorName | undefined): TensorName[] {
  const [input] = graph.inputs
  const last = output ?? graph.outputs.at(-1)?.name
  const start = graph.inputs.length === 1 && input !== undefined ? [input.name] : []
  return [...start, ...cuts.map((cut) => cut.at), ...(last === undefined ? [] : [last])]
}

async function optimisedError(
  graph: ModelGraph,
  cuts: readonly Cut[],
  inputs: readonly FeatureMaps[],
  options: VerifyOptions,
): Promise<number> {
  let bytes = 0
  for (const { data } of graph.initialisers.values()) bytes += data?.length ?? 0
  const chosen = bytes > MANY_BYTES ? spread(cuts, 4) : cuts
  if (chosen.length === 0) return 0
  const names = graph.inputs.map(({ name }) => name)
  const outputs = graph.outputs.map(({ name }) => name)
  const whole = await runModel(writeModel(extract(graph, names, outputs)).model, inputs, true)
  let worst = 0
  for (const [i, cut] of chosen.entries()) {
    options.signal.throwIfAborted()
    worst = Math.max(worst, await checkCut(graph, cut, inputs, whole, true))
    options.progress.update('optimised cuts', i + 1, chosen.length)
  }
  options.progress.end()
  return worst
}
