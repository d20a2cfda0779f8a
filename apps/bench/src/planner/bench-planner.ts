import path from 'node:path'
import '@tensorflow/tfjs-backend-wasm'
import { type ComparisonRow, compareMethods } from './compare.ts'
import { type EqualNodes, equalNodes } from './edgeld.ts'
import { loadNets } from './nets.ts'
import { type CompressAndCut, compressAndCut, type HardSamples, hardSamples, shippedModel } from './shipped.ts'
import { type SmallCases, smallCases } from './small-cases.ts'
import { type PlanningTime, planningTimes } from './speed.ts'

export interface PlannerBenchOptions {
  /** Folder of public ONNX models for the comparison; the VGGs need none. */
  readonly models: string
  /** Folder of the shipped model packages for the exit and compression studies. */
  readonly shipped: string
  /** A minute instead of a quarter of an hour: one net at one bandwidth, few cases. */
  readonly quick: boolean
  readonly episodes?: number
  readonly onProgress?: (line: string) => void
}

/** Packages in the folder of shipped models; the first one has the exits of the hard samples. */
const SHIPPED = ['imagenette', 'handsigns']
const EPISODES = { quick: 10, full: 60 } as const

/**
 * What `bench planner --json` prints. `comparison` is simulated (with the prediction beside it), `planning` measured,
 * everything else predicted.
 */
export interface PlannerBench {
  readonly episodes: number
  readonly comparison: readonly ComparisonRow[]
  readonly absent: readonly string[]
  readonly smallCases?: SmallCases
  readonly planning?: readonly PlanningTime[]
  readonly equalNodes: readonly EqualNodes[]
  readonly hardSamples?: HardSamples
  readonly compressAndCut?: readonly CompressAndCut[]
}

export async function benchPlanner(options: PlannerBenchOptions): Promise<PlannerBench> {
  const { quick, onProgress = () => {} } = options
  const episodes = options.episodes ?? (quick ? EPISODES.quick : EPISODES.full)
  onProgress('planning times')
  const planning = await planningTimes(quick ? 5 : 15)
  onProgress('exits and compression on the shipped models')
  const compressed: CompressAndCut[] = []
  let hard: HardSamples | undefined
  for (const name of SHIPPED) {
    const model = await shippedModel(path.join(options.shipped, name))
    if (model === undefined) continue
    hard ??= await hardSamples(model)
    compressed.push(...(await compressAndCut(name, model)))
  }
  onProgress('equal nodes')
  const nodes = await equalNodes(quick ? [1000] : [1000, 300])
  onProgress('auto against every plan of small cases')
  const cases = await smallCases(quick ? 25 : 500)
  const { nets, absent } = loadNets(options.models)
  const comparison = await compareMethods(nets, {
    episodes,
    quick,
    onRow: ({ net, wires, group, link }) => onProgress(`${net}, ${wires}, ${group}, ${link}`),
  })
  return {
    episodes,
    comparison,
    absent,
    smallCases: cases,
    planning,
    equalNodes: nodes,
    ...(hard === undefined ? {} : { hardSamples: hard }),
    ...(compressed.length === 0 ? {} : { compressAndCut: compressed }),
  }
}
