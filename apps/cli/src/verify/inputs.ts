import { gaussian, type Random } from '@roomful/core'
import type { GraphAnalysis } from '@roomful/graph'
import { elementCount, type FeatureMap, type FeatureMaps } from '@roomful/tensor'
import { CommandError } from '../command.ts'

/**
 * What models are verified on: one random input (standard normal; whole numbers 0 to 255 for integer inputs) and one
 * constant input, which shows wrong padding at borders that should not be there.
 * @throws CommandError `input` for input types that cannot be made up
 */
export function verificationInputs(analysis: GraphAnalysis, random: Random): FeatureMaps[] {
  return [
    makeAll(
      analysis,
      () => gaussian(random),
      () => random.int(256),
    ),
    makeAll(
      analysis,
      () => 1,
      () => 100,
    ),
  ]
}

function makeAll(analysis: GraphAnalysis, real: () => number, whole: () => number): FeatureMaps {
  const maps: Record<string, FeatureMap> = {}
  for (const { name, dtype } of analysis.graph.inputs) {
    const dims = analysis.tensors.get(name)?.shape
    if (dims === undefined) throw new CommandError('input', `input ${name} has symbolic sizes: give --input-shape`)
    const count = elementCount(dims)
    if (dtype === 'float32') maps[name] = { dtype, dims, data: Float32Array.from({ length: count }, real) }
    else if (dtype === 'uint8') maps[name] = { dtype, dims, data: Uint8Array.from({ length: count }, whole) }
    else if (dtype === 'int8')
      maps[name] = { dtype, dims, data: Int8Array.from({ length: count }, () => whole() - 128) }
    else if (dtype === 'int32') maps[name] = { dtype, dims, data: Int32Array.from({ length: count }, whole) }
    else
      throw new CommandError('input', `input ${name} has type ${dtype}; verify makes up float32, uint8, int8 and int32`)
  }
  return maps
}
