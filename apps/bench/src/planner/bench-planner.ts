import { type ComparisonRow, compareMethods } from './compare.ts'
import { loadNets } from './nets.ts'
import { type CompressAndCut, compressAndCut, type HardSamples, hardSamples, shippedModel } from './shipped.ts'
import { type SmallCases, smallCases } from './small-cases.ts'
import { type PlanningTime, planningTimes } from './speed.ts'

export interface PlannerBenchOptions {
  /** Folder of public ONNX models for the comparison; the VGGs need none. */
  readonly models: string
  /** Folder of the shipped model package for the exit and compression studies. */
  readonly shipped: string
  /** A minute instead of a quarter of an hour: one net at one bandwidth, few cases. */
  readonly quick: boolean
  readonly episodes?: number
  readonly onProgress?: (line: string) => void
}

/** What `bench planner --json` prints. All times but `planning` are predicted. */
export interface PlannerBench {
  readonly episodes: number
  readonly comparison: readonly ComparisonRow[]
  readonly absent: readonly string[]
  readonly smallCases?: SmallCases
  readonly planning?: readonly PlanningTime[]
  readonly hardSamples?: HardSamples
  readonly compressAndCut?: readonly CompressAndCut[]
}

export async function benchPlanner(options: PlannerBenchOptions): Promise<PlannerBench> {
  const { quick, onProgress = () => {} } = options
  const episodes = options.episodes ?? (quick ? 5 : 10)
  onProgress('planning times')
  const planning = await planningTimes(quick ? 5 : 15)
  const shipped = await shippedModel(options.shipped)
  const hard = shipped === undefined ? undefined : await hardSamples(shipped)
  const compressed = shipped === undefined ? undefined : await compressAndCut(shipped)
  onProgress('auto against every plan of small cases')
  const cases = await smallCases(quick ? 25 : 500)
  const { nets, absent } = loadNets(options.models)
  const comparison = await compareMethods(nets, {
    episodes,
    quick,
    onRow: (row) => onProgress(`${row.net}, ${row.group}, ${row.link}`),
  })
  return {
    episodes,
    comparison,
    absent,
    smallCases: cases,
    planning,
    ...(hard === undefined ? {} : { hardSamples: hard }),
    ...(compressed === undefined ? {} : { compressAndCut: compressed }),
  }
}
