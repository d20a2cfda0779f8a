import { gaussian, type Random, seededRandom, type TensorName } from '@roomful/core'
import { analyse } from '../analyse.ts'
import type { Initialiser, ModelGraph } from '../model-graph.ts'

/** Whether a weight scales (kept near 1), shifts (0) or mixes (normal, by fan-in). */
function fill(op: string, input: number, dims: readonly number[], random: Random): (index: number) => number {
  if (op === 'BatchNormalization') return () => (input === 1 || input === 4 ? 1 : 0)
  if (op === 'Mul') return () => 1
  if (dims.length < 2) return () => 0
  const scale = Math.sqrt(2 / dims.slice(1).reduce((a, b) => a * b, 1))
  return () => scale * gaussian(random)
}

/**
 * An ONNX "light" model (ConstantOfShape in place of every weight) with seeded weights of the real shapes, so that the real
 * topology can be run.
 */
export function materialise(graph: ModelGraph, seed = 1): ModelGraph {
  const { tensors } = analyse(graph)
  const random = seededRandom(seed)
  const readers = new Map<TensorName, { op: string; input: number }>()
  for (const { op, inputs } of graph.nodes) {
    for (const [input, name] of inputs.entries()) if (!readers.has(name)) readers.set(name, { op, input })
  }
  const initialisers = new Map<TensorName, Initialiser>(graph.initialisers)
  const nodes = graph.nodes.filter((node) => {
    const [name = ''] = node.outputs
    const info = tensors.get(name)
    if (node.op !== 'ConstantOfShape' || info === undefined) return true
    const { op = '', input = 0 } = readers.get(name) ?? {}
    const value = fill(op, input, info.shape, random)
    const data = Float32Array.from({ length: info.elements }, (_, i) => value(i))
    initialisers.set(name, { name, dtype: 'float32', dims: info.shape, data: new Uint8Array(data.buffer) })
    for (const shape of node.inputs) initialisers.delete(shape)
    return false
  })
  return { ...graph, nodes, initialisers }
}
