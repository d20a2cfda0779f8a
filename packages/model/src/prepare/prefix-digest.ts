import type { TensorName } from '@roomful/core'
import type { Attribute, GraphNode, Initialiser, ModelGraph } from '@roomful/graph'
import { sha256, sha256Text } from '../digest.ts'

/**
 * Digests of sub-models input -> tensor: a hash tree over the computation (the expression of a tensor), not over names or
 * file positions, so that two models with the same trunk give their feature maps the same key.
 *
 *   input        sha256("input" index dtype)
 *   initialiser  sha256("weights" dtype dims sha256(bytes))
 *   node output  sha256("node" domain op version output-index attributes... digests of inputs... of captured tensors)
 *
 * Sizes of the input are left out: the cache key holds the preprocessed input beside this digest.
 * The graph must hold its weights.
 */
export async function prefixDigests(graph: ModelGraph): Promise<ReadonlyMap<TensorName, string>> {
  const digests = new Map<TensorName, string>()
  for (const [index, input] of graph.inputs.entries()) {
    digests.set(input.name, await sha256Text(`input ${index} ${input.dtype}`))
  }
  for (const initialiser of graph.initialisers.values()) {
    digests.set(initialiser.name, await sha256Text(await tensorText(initialiser)))
  }
  for (const node of graph.nodes) {
    const text = await nodeText(node, graph, digests)
    for (const [index, output] of node.outputs.entries()) {
      if (output !== '') digests.set(output, await sha256Text(`node ${index}\n${text}`))
    }
  }
  return digests
}

async function nodeText(node: GraphNode, graph: ModelGraph, digests: ReadonlyMap<TensorName, string>): Promise<string> {
  const version = graph.opsets.get(node.domain) ?? graph.opset
  const lines = [JSON.stringify([node.domain, node.op, version])]
  const names = [...node.attributes.keys()].sort()
  for (const name of names) lines.push(`${JSON.stringify(name)} ${await attributeText(node.attributes.get(name))}`)
  for (const input of [...node.inputs, ...node.captures]) lines.push(input === '' ? '-' : (digests.get(input) ?? '?'))
  return lines.join('\n')
}

async function attributeText(attribute: Attribute | undefined): Promise<string> {
  if (attribute === undefined) return ''
  if (attribute.kind === 'tensor') return tensorText(attribute.value)
  if (attribute.kind === 'other') return `other ${JSON.stringify(attribute.proto, plainJson)}`
  return JSON.stringify([attribute.kind, attribute.value])
}

async function tensorText(tensor: Initialiser): Promise<string> {
  const bytes = tensor.data === undefined ? (tensor.external?.length ?? 0).toString() : await sha256(tensor.data)
  return `weights ${tensor.dtype} [${tensor.dims.join(',')}] ${bytes}`
}

/** Sub-graphs and other rare attributes in a fixed text form: big integers as text, bytes as lists. */
function plainJson(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Uint8Array ? Array.from(value) : value
}
