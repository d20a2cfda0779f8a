import path from 'node:path'
import '@tensorflow/tfjs-backend-wasm'
import { Checkpoints } from './checkpoints.ts'
import { type ComparisonRow, comparisonTasks } from './compare.ts'
import { type EqualNodes, equalNodes } from './edgeld.ts'
import { type HardSamples, hardSamples } from './hard-samples.ts'
import { loadNets } from './nets.ts'
import { type CompressAndCut, compressAndCut, shippedModel } from './shipped.ts'
import { type SmallCases, smallCases } from './small-cases.ts'
import { type PlanningTime, planningTimes } from './speed.ts'

export interface PlannerBenchOptions {
  /** Folder of public ONNX models for the comparison; the VGGs need none. */
  readonly models: string
  /** Folder of the shipped model packages for the exit and compression studies. */
  readonly shipped: string
  /** Three minutes instead of twenty: few rows of the comparison, everything else whole. */
  readonly quick: boolean
  /** Folder in which parts that are done are kept until all are, so that a run that was cut off goes on. */
  readonly keep: string
  /** What the results depend on, such as a digest of the code: parts kept under another one are done again. */
  readonly version: string
  readonly episodes?: number
  readonly onProgress?: (line: string) => void
}

/** Packages in the folder of shipped models. */
const SHIPPED = ['imagenette', 'handsigns']
const EPISODES = { quick: 100, full: 200 } as const

/**
 * What `bench planner --json` prints. `comparison` (with the prediction beside it), `equalNodes` and `hardSamples` are simulated,
 * `planning` is measured, everything else predicted.
 */
export interface PlannerBench {
  readonly episodes: number
  readonly comparison: readonly ComparisonRow[]
  readonly absent: readonly string[]
  readonly smallCases?: SmallCases
  readonly planning?: readonly PlanningTime[]
  readonly equalNodes: readonly EqualNodes[]
  readonly hardSamples?: readonly HardSamples[]
  readonly compressAndCut?: readonly CompressAndCut[]
}

export async function benchPlanner(options: PlannerBenchOptions): Promise<PlannerBench> {
  const { quick, onProgress = () => {} } = options
  const episodes = options.episodes ?? (quick ? EPISODES.quick : EPISODES.full)
  const done = new Checkpoints(options.keep, `${quick ? 'quick' : 'full'}-${episodes}-${options.version}`, onProgress)
  const planning = await done.part('planning times', () => planningTimes(quick ? 5 : 15))
  const compressed: CompressAndCut[] = []
  const hard: HardSamples[] = []
  for (const name of SHIPPED) {
    const model = await shippedModel(path.join(options.shipped, name))
    if (model === undefined) continue
    hard.push(...(await done.part(`hard samples ${name}`, () => hardSamples(name, model))))
    compressed.push(...(await done.part(`compress and cut ${name}`, () => compressAndCut(name, model))))
  }
  const nodes = await done.part('equal nodes', () => equalNodes(quick ? [1000] : [1000, 300]))
  const cases = await done.part('every plan of small cases', () => smallCases(500))
  const { nets, absent } = loadNets(options.models)
  const comparison: ComparisonRow[] = []
  for (const { key, run } of comparisonTasks(nets, quick, episodes)) comparison.push(await done.part(key, run))
  await done.clear()
  return {
    episodes,
    comparison,
    absent,
    smallCases: cases,
    planning,
    equalNodes: nodes,
    ...(hard.length === 0 ? {} : { hardSamples: hard }),
    ...(compressed.length === 0 ? {} : { compressAndCut: compressed }),
  }
}
