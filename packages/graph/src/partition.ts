import type { TensorName } from '@roomful/core'
import type { GraphAnalysis } from './analysis.ts'
import type { DataType } from './data-type.ts'
import { GraphError } from './error.ts'
import { reads } from './format/topological.ts'

/** A tensor at which the graph can be cut: it alone separates the inputs from the output. */
export interface PartitionPoint {
  readonly tensor: TensorName
  readonly shape: readonly number[]
  readonly dtype: DataType
  readonly bytes: number
  /** Multiply-accumulates of all nodes before the tensor. */
  readonly macsBefore: number
  readonly parametersBefore: number
}

export interface PartitionOptions {
  /**
   * The output to separate from the inputs, several of them, or 'all' of the graph's. Default the last one: nets with early
   * exits list the exits before it.
   */
  readonly output?: TensorName | readonly TensorName[]
}

/** The names that `output: 'all'` stands for, unless an output bears that very name. */
function wantedOutputs({ graph }: GraphAnalysis, output: PartitionOptions['output']): readonly TensorName[] {
  const names = graph.outputs.map((o) => o.name)
  if (output === undefined) return names.slice(-1)
  if (output === 'all' && !names.includes('all')) return names
  return typeof output === 'string' ? [output] : output
}

/**
 * The bridges of the graph between its inputs and the output, in order; neither inputs nor outputs are among them, nor
 * tensors whose shape is not known. Linear: in a topological order of the nodes that lead to the output, a tensor
 * separates exactly when it is the only one that is still needed after its node. (Were a node to run around it, one of
 * that node's tensors would be needed too.)
 * @throws GraphError `unknown-tensor`
 */
export function partitionPoints(analysis: GraphAnalysis, o: PartitionOptions = {}): PartitionPoint[] {
  const { graph, nodes, dynamic, producers, tensors } = analysis
  const outputs = wantedOutputs(analysis, o.output)
  for (const name of outputs) {
    if (!producers.has(name)) throw new GraphError('unknown-tensor', `no node makes ${name}`)
  }
  const lastUse = new Map<TensorName, number>()
  for (const name of outputs) lastUse.set(name, nodes.length)
  const leads = new Uint8Array(nodes.length)
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    const node = nodes[index]?.node
    if (node === undefined || !node.outputs.some((name) => lastUse.has(name))) continue
    if (!node.outputs.some((name) => dynamic.has(name))) continue
    leads[index] = 1
    for (const name of reads(node)) if (dynamic.has(name) && !lastUse.has(name)) lastUse.set(name, index)
  }

  const endings = new Map<number, number>()
  let live = 0
  const open = (name: TensorName) => {
    const last = lastUse.get(name)
    if (last === undefined || !dynamic.has(name)) return
    live += 1
    endings.set(last, (endings.get(last) ?? 0) + 1)
  }
  for (const { name } of graph.inputs) open(name)
  const points: PartitionPoint[] = []
  let macsBefore = 0
  let parametersBefore = 0
  for (const [index, { node, macs, parameters }] of nodes.entries()) {
    if (leads[index] === 0) continue
    macsBefore += macs
    parametersBefore += parameters
    for (const name of node.outputs) open(name)
    live -= endings.get(index) ?? 0
    if (live !== 1) continue
    const tensor = node.outputs.find((name) => (lastUse.get(name) ?? -1) > index)
    const info = tensor === undefined ? undefined : tensors.get(tensor)
    if (info === undefined || outputs.includes(info.name)) continue
    const { shape, dtype, bytes } = info
    points.push({ tensor: info.name, shape, dtype, bytes, macsBefore, parametersBefore })
  }
  return points
}
