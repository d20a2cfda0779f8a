import type { TensorName } from '@roomful/core'
import { analyse } from './analyse.ts'
import { GraphError } from './error.ts'
import type { ModelGraph, ValueInfo } from './model-graph.ts'
import { modelOf, nodesAt, subGraph, unknownTensor, valueInfoOf } from './sub-graph.ts'

type Names = TensorName | readonly TensorName[]

const listOf = (names: Names): readonly TensorName[] => (typeof names === 'string' ? [names] : [...new Set(names)])

/**
 * The sub-model that computes `to` from `from`, with exactly its own weights (shared with `graph`, not copied). `from` may
 * be the graph's input, `to` an exit's output.
 * @throws GraphError `unknown-tensor`, or `not-separating` when `to` does not depend on `from` alone
 */
export function extract(graph: ModelGraph, from: Names, to: Names): ModelGraph {
  const analysis = analyse(graph)
  const inputs = listOf(from)
  const outputs = listOf(to)
  for (const name of [...inputs, ...outputs]) {
    if (!analysis.producers.has(name) && !graph.inputs.some((input) => input.name === name)) throw unknownTensor(name)
  }
  const own = outputs.find((name) => inputs.includes(name))
  if (own !== undefined) throw new GraphError('not-separating', `nothing lies between ${own} and itself`)
  const part = subGraph(analysis, new Set(inputs), outputs)
  const unused = inputs.find((name) => !part.reached.has(name))
  if (unused !== undefined) throw new GraphError('not-separating', `[${outputs}] does not depend on ${unused}`)
  const nodes = nodesAt(analysis, part.nodes)
  const annotations = new Map<TensorName, ValueInfo>()
  for (const name of nodes.flatMap((node) => node.outputs)) {
    const info = graph.annotations.get(name)
    if (info !== undefined) annotations.set(name, info)
  }
  return modelOf(
    graph,
    {
      inputs: inputs.map((name) => valueInfoOf(analysis, name)),
      outputs: outputs.map((name) => valueInfoOf(analysis, name)),
      nodes,
      initialisers: part.initialisers,
    },
    annotations,
  )
}
