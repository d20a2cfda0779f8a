import type { TensorName } from '@roomful/core'
import { extract, type ModelGraph, writeModel } from '@roomful/graph'
import type { FeatureMaps } from '@roomful/tensor'
import { shareOfRange } from './compare.ts'
import { runModel } from './whole.ts'

/** One cut: the tensor, and the outputs that it separates from the inputs. */
export interface Cut {
  readonly at: TensorName
  readonly outputs: readonly TensorName[]
}

/**
 * Largest error of head-then-tail against `wanted` over all inputs and outputs, as a share of each output's range. Both
 * halves are extracted, written and run as the models a room would run.
 */
export async function checkCut(
  graph: ModelGraph,
  cut: Cut,
  inputs: readonly FeatureMaps[],
  wanted: readonly FeatureMaps[],
  optimise: boolean,
): Promise<number> {
  const from = graph.inputs.map((input) => input.name)
  const middle = await runModel(writeModel(extract(graph, from, cut.at)).model, inputs, optimise)
  const ends = await runModel(writeModel(extract(graph, cut.at, cut.outputs)).model, middle, optimise)
  let worst = 0
  for (const [i, end] of ends.entries()) {
    for (const output of cut.outputs) {
      const got = end[output]
      const whole = wanted[i]?.[output]
      const error = got === undefined || whole === undefined ? Number.POSITIVE_INFINITY : shareOfRange(got, whole)
      worst = Math.max(worst, error)
    }
  }
  return worst
}
