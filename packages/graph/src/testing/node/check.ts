import type { Range, TensorName } from '@roomful/core'
import { seededRandom } from '@roomful/core'
import { Tensor } from 'onnxruntime-node'
import { analyse } from '../../analyse.ts'
import { extract } from '../../extract.ts'
import type { ModelGraph } from '../../model-graph.ts'
import { partitionPoints } from '../../partition.ts'
import { tile } from '../../tile.ts'
import { tileable } from '../../volume.ts'
import { relativeError, rowsOf, runGraph, type Tensors } from './onnx-runtime.ts'

/** Seeded uniform samples in [-1, 1) for every input of a graph. */
export function randomFeeds(graph: ModelGraph, seed = 1): Tensors {
  const { tensors } = analyse(graph)
  const random = seededRandom(seed)
  return Object.fromEntries(
    graph.inputs.map(({ name }) => {
      const { shape, elements } = tensors.get(name) ?? { shape: [], elements: 1 }
      const values = Float32Array.from({ length: elements }, () => 2 * random.next() - 1)
      return [name, new Tensor('float32', values, shape)]
    }),
  )
}

/** What a check found; errors as a share of the output's range. */
export interface CheckResult {
  cuts: number
  tiles: number
  worst: number
  /** Where the worst error was. */
  where: string
  readonly obstacles: Set<string>
}

/** Uneven strips of `height` rows: borders at these shares. */
const STRIPS: readonly (readonly number[])[] = [[0.3], [0.15, 0.7], [0.1, 0.45, 0.9]]

export function strips(height: number, shares: readonly number[]): Range[] {
  const inner = shares.map((share) => Math.round(share * height)).filter((row) => row > 0 && row < height)
  const borders = [...new Set([0, ...inner, height])]
  return borders.slice(1).map((end, i) => ({ start: borders[i] ?? 0, end }))
}

export interface CheckOptions {
  readonly seed?: number
  /** Every n-th cut and volume only. */
  readonly every?: number
  readonly feeds?: Tensors
}

/**
 * Every cut (head then tail) and tiles of neighbouring and far-apart partition points against the whole graph, ONNX
 * Runtime's optimisation off.
 */
export async function checkExactness(graph: ModelGraph, o: CheckOptions = {}): Promise<CheckResult> {
  const analysis = analyse(graph)
  const feeds = o.feeds ?? randomFeeds(graph, o.seed)
  const inputs = graph.inputs.map((input) => input.name)
  const outputs = graph.outputs.map((output) => output.name)
  const whole = await runGraph(graph, feeds)
  const result: CheckResult = { cuts: 0, tiles: 0, worst: 0, where: '', obstacles: new Set() }
  const judge = (expected: Tensor | undefined, got: Tensor | undefined, where: string) => {
    const error = expected === undefined || got === undefined ? Number.POSITIVE_INFINITY : relativeError(expected, got)
    if (error > result.worst) Object.assign(result, { worst: error, where })
  }

  const kept: Record<TensorName, Tensor> = { ...feeds }
  const every = o.every ?? 1
  const points = partitionPoints(analysis, { output: outputs }).filter((_, i) => i % every === 0)
  for (const { tensor } of points) {
    const head = await runGraph(extract(graph, inputs, tensor), feeds)
    Object.assign(kept, head)
    const middle = kept[tensor]
    if (middle === undefined) continue
    const tail = await runGraph(extract(graph, tensor, outputs), { [tensor]: middle })
    for (const name of outputs) judge(whole[name], tail[name], `cut at ${tensor}`)
    result.cuts += 1
  }

  const names = [...(inputs.length === 1 ? inputs : []), ...points.map((point) => point.tensor)]
  for (const [i, from] of names.entries()) {
    for (const [j, to] of names.entries()) {
      if (j <= i || !(j === i + 1 || (i * 7 + j * 3) % 5 === 0)) continue
      const able = tileable(analysis, from, to)
      if (!able.ok) {
        result.obstacles.add(able.node)
        continue
      }
      await checkTiles(from, to, STRIPS[(i + j) % STRIPS.length] ?? [])
    }
  }
  return result

  async function checkTiles(from: TensorName, to: TensorName, shares: readonly number[]): Promise<void> {
    const [source, expected] = [kept[from], kept[to]]
    if (source === undefined || expected === undefined) return
    for (const rows of strips(expected.dims[2] ?? 1, shares)) {
      const { graph: part, inputRows } = tile(analysis, from, to, rows)
      const made = await runGraph(part, { [from]: rowsOf(source, inputRows.start, inputRows.end) })
      judge(rowsOf(expected, rows.start, rows.end), made[to], `rows ${rows.start}:${rows.end} of ${from} to ${to}`)
      result.tiles += 1
    }
  }
}
