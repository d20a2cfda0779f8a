import type { Random } from '@roomful/core'
import { type GraphAnalysis, tile, writeModel } from '@roomful/graph'
import type { FeatureMap, FeatureMaps } from '@roomful/tensor'
import { shareOfRange } from './compare.ts'
import { rowLayout, rowsOf, unevenStrips } from './strips.ts'
import type { Volume } from './volumes.ts'
import { runModel } from './whole.ts'

/**
 * Largest error of the strips of one volume against the same rows of the whole, over all inputs, as a share of the range
 * of the whole strip's tensor. `counts`: into how many strips; counts over the tensor's rows are left out.
 */
export async function checkTiles(
  analysis: GraphAnalysis,
  { from, to }: Volume,
  counts: readonly number[],
  whole: readonly FeatureMaps[],
  random: Random,
): Promise<{ strips: number; error: number }> {
  const rows = analysis.tensors.get(to)?.shape[2] ?? 0
  let strips = 0
  let error = 0
  for (const count of counts) {
    if (count > rows) continue
    for (const range of unevenStrips(rows, count, random)) {
      const { graph, inputRows } = tile(analysis, from, to, range)
      const [input] = graph.inputs
      const feeds = whole.map((maps) => {
        const map = maps[from]
        return map === undefined || input === undefined ? {} : { [input.name]: rowsOf(map, inputRows) }
      })
      const results = await runModel(writeModel(graph).model, feeds, false)
      for (const [i, result] of results.entries()) {
        const wanted = whole[i]?.[to]
        const got = Object.values(result)[0]
        if (wanted === undefined || got === undefined) return { strips, error: Number.POSITIVE_INFINITY }
        error = Math.max(error, stripError(got, wanted, range))
      }
      strips++
    }
  }
  return { strips, error }
}

/** The strip is judged by the range of the whole tensor: a strip of near-constant values has no range of its own. */
function stripError(got: FeatureMap, wanted: FeatureMap, range: { start: number; end: number }): number {
  const full = wanted.data.slice() as Float32Array
  const { planes, rows, width } = rowLayout(wanted.dims)
  const size = (range.end - range.start) * width
  if (got.data.length !== planes * size) return Number.POSITIVE_INFINITY
  for (let plane = 0; plane < planes; plane++) {
    const part = (got.data as Float32Array).subarray(plane * size, (plane + 1) * size)
    full.set(part, (plane * rows + range.start) * width)
  }
  return shareOfRange({ ...wanted, data: full } as FeatureMap, wanted)
}
