import type { Range, TensorName } from '@roomful/core'
import { GraphError } from './error.ts'
import type { Attribute, GraphNode, Initialiser, ModelGraph } from './model-graph.ts'
import { modelOf } from './sub-graph.ts'
import { int64Bytes } from './tensor-values.ts'

/**
 * The model that gives only `rows` (axis 2) of its one output: what a tile takes of a tensor that a decoder makes whole.
 * @throws GraphError `shape` when it has several outputs, or not these rows
 */
export function outputRows(graph: ModelGraph, rows: Range): ModelGraph {
  const [output] = graph.outputs
  const height = output?.shape?.[2]
  if (output === undefined || graph.outputs.length > 1 || (typeof height === 'number' && rows.end > height)) {
    throw new GraphError('shape', `[${output?.shape}] has no rows ${rows.start} to ${rows.end}`)
  }
  const taken = new Set([...graph.initialisers.keys(), ...graph.nodes.flatMap((node) => [node.name, ...node.outputs])])
  const fresh = (hint: string): TensorName => {
    let name = hint
    for (let i = 2; taken.has(name); i += 1) name = `${hint}_${i}`
    taken.add(name)
    return name
  }
  const name = fresh(`${output.name}_rows`)
  const slice = { name: fresh(`${name}_slice`), label: name, op: 'Slice', domain: '', outputs: [name], captures: [] }
  const bounds = { starts: rows.start, ends: rows.end, axes: 2 }
  const initialisers = new Map<TensorName, Initialiser>(graph.initialisers)
  let node: GraphNode
  if (graph.opset < 10) {
    const attributes = Object.entries(bounds).map(([key, value]): [string, Attribute] => [
      key,
      { kind: 'ints', value: [value] },
    ])
    node = { ...slice, inputs: [output.name], attributes: new Map(attributes) }
  } else {
    const inputs = Object.entries(bounds).map(([key, value]) => {
      const constant = fresh(`${name}_${key}`)
      initialisers.set(constant, { name: constant, dtype: 'int64', dims: [1], data: int64Bytes([value]) })
      return constant
    })
    node = { ...slice, inputs: [output.name, ...inputs], attributes: new Map() }
  }
  const shape = output.shape?.map((size, axis) => (axis === 2 ? rows.end - rows.start : size))
  return modelOf(graph, {
    inputs: graph.inputs,
    outputs: [{ name, dtype: output.dtype, ...(shape === undefined ? {} : { shape }) }],
    nodes: [...graph.nodes, node],
    initialisers,
  })
}
