import type { TensorName } from '@roomful/core'
import { extract, type ModelGraph, writeModel } from '@roomful/graph'
import type { FeatureMaps } from '@roomful/tensor'
import { NodeSession } from '../ort/session.ts'

/**
 * What the whole model computes on each input: its outputs and every tensor of `points`, by one session with added
 * outputs and without graph optimisation.
 */
export async function runWhole(
  graph: ModelGraph,
  points: readonly TensorName[],
  inputs: readonly FeatureMaps[],
): Promise<FeatureMaps[]> {
  const from = graph.inputs.map((input) => input.name)
  const to = [...new Set([...points, ...graph.outputs.map((output) => output.name)])]
  const { model } = writeModel(extract(graph, from, to))
  return runModel(model, inputs, false)
}

/** One model on several inputs; the session is released. */
export async function runModel(
  model: Uint8Array,
  inputs: readonly FeatureMaps[],
  optimise: boolean,
): Promise<FeatureMaps[]> {
  await using session = await NodeSession.create(model, { optimise })
  const results: FeatureMaps[] = []
  for (const input of inputs) results.push(await session.run(input))
  return results
}
