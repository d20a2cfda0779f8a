import type { TensorName } from '@roomful/core'
import { GraphError } from '../error.ts'
import type { GraphNode } from '../model-graph.ts'

/**
 * The nodes so that each comes after those it reads from; the file's own order when it is one already (ONNX asks for it),
 * else Kahn's algorithm, ties in file order.
 * @param given names that need no node: graph inputs and initialisers
 * @throws GraphError `malformed` when two nodes make a tensor, `missing` when none does, `cyclic`
 */
export function topological(nodes: readonly GraphNode[], given: ReadonlySet<TensorName>): readonly GraphNode[] {
  const producer = new Map<TensorName, number>()
  for (const [index, node] of nodes.entries()) {
    for (const name of node.outputs) {
      if (name === '') continue
      if (producer.has(name) || given.has(name)) {
        throw new GraphError('malformed', `tensor ${name} is made twice`, { node: node.label })
      }
      producer.set(name, index)
    }
  }
  const readers: number[][] = nodes.map(() => [])
  const waiting = new Int32Array(nodes.length)
  let sorted = true
  for (const [index, node] of nodes.entries()) {
    for (const name of reads(node)) {
      const from = producer.get(name)
      if (from === undefined) {
        if (given.has(name)) continue
        throw new GraphError('missing', `node ${node.label} reads ${name}, which nothing makes`, { node: node.label })
      }
      readers[from]?.push(index)
      waiting[index] = (waiting[index] ?? 0) + 1
      if (from >= index) sorted = false
    }
  }
  if (sorted) return nodes
  const ready: number[] = []
  for (let index = 0; index < nodes.length; index += 1) if (waiting[index] === 0) ready.push(index)
  const order: GraphNode[] = []
  for (let next = 0; next < ready.length; next += 1) {
    const index = ready[next] ?? 0
    const node = nodes[index]
    if (node !== undefined) order.push(node)
    for (const reader of readers[index] ?? []) {
      const left = (waiting[reader] ?? 0) - 1
      waiting[reader] = left
      if (left === 0) ready.push(reader)
    }
  }
  if (order.length < nodes.length) {
    const stuck = nodes.find((_, index) => (waiting[index] ?? 0) > 0)
    throw new GraphError('cyclic', `node ${stuck?.label} waits for its own output`, stuck ? { node: stuck.label } : {})
  }
  return order
}

/** Every tensor a node needs: its inputs and what its sub-graphs read, without the absent optional ones. */
export function* reads(node: GraphNode): Generator<TensorName> {
  for (const name of node.inputs) if (name !== '') yield name
  yield* node.captures
}
