import type { TensorName } from '@roomful/core'
import { GraphError } from './error.ts'
import type { GraphNode, Initialiser, ModelGraph } from './model-graph.ts'
import { modelOf } from './sub-graph.ts'

/**
 * One model that feeds `a`'s single output to `b`'s single input. Tensors of `b` whose names `a` uses are renamed.
 * @throws GraphError `shape` when the two do not fit, `unsupported` when their operator sets differ
 */
export function compose(a: ModelGraph, b: ModelGraph): ModelGraph {
  const [link, target] = [a.outputs[0], b.inputs[0]]
  if (link === undefined || target === undefined || a.outputs.length !== 1 || b.inputs.length !== 1) {
    throw new GraphError('shape', `${a.outputs.length} outputs cannot feed ${b.inputs.length} inputs: one each`)
  }
  const fits = target.shape?.every((dim, i) => {
    const size = link.shape?.[i] ?? '?'
    return typeof dim === 'string' || typeof size === 'string' || dim === size
  })
  if (fits === false || (link.shape?.length ?? target.shape?.length) !== target.shape?.length) {
    throw new GraphError('shape', `[${link.shape}] does not fit into [${target.shape}]`)
  }
  if (link.dtype !== target.dtype) throw new GraphError('shape', `${link.dtype} does not fit into ${target.dtype}`)
  const opsets = new Map(a.opsets)
  for (const [domain, version] of b.opsets) {
    if ((opsets.get(domain) ?? version) !== version) {
      throw new GraphError('unsupported', `operator sets ${opsets.get(domain)} and ${version} of '${domain}' differ`)
    }
    opsets.set(domain, version)
  }
  const rename = renamer(
    tensorNames(a),
    tensorNames(b),
    new Map([
      ['', ''],
      [target.name, link.name],
    ]),
  )
  const nodeName = renamer(nodeNames(a), nodeNames(b), new Map([['', '']]))
  const initialisers = new Map<TensorName, Initialiser>(a.initialisers)
  for (const [name, tensor] of b.initialisers) initialisers.set(rename(name), { ...tensor, name: rename(name) })
  const nodes = b.nodes.map((node): GraphNode => {
    const moved = node.captures.find((name) => rename(name) !== name)
    if (moved !== undefined) {
      throw new GraphError('unsupported', `a sub-graph of node ${node.label} reads ${moved}, which must be renamed`)
    }
    const name = nodeName(node.name)
    return {
      ...node,
      name,
      label: name || node.label,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    }
  })
  const composed = modelOf(a, {
    inputs: a.inputs,
    outputs: b.outputs.map(({ name, dtype, shape }) => ({
      name: rename(name),
      dtype,
      ...(shape === undefined ? {} : { shape }),
    })),
    nodes: [...a.nodes, ...nodes],
    initialisers,
  })
  return { ...composed, opsets, irVersion: Math.max(a.irVersion, b.irVersion) }
}

/** Names of `b` as they are in the composed model: those that `a` uses get a number. `renamed` starts with what is fixed. */
function renamer(a: readonly string[], b: readonly string[], renamed: Map<string, string>): (name: string) => string {
  const clashing = new Set(a)
  const taken = new Set([...a, ...b])
  return (name) => {
    const known = renamed.get(name)
    if (known !== undefined) return known
    let fresh = name
    if (clashing.has(name)) for (let i = 2; taken.has(fresh); i += 1) fresh = `${name}_${i}`
    taken.add(fresh)
    renamed.set(name, fresh)
    return fresh
  }
}

/** ONNX Runtime refuses two nodes of one name; nodes without a name are fine. */
const nodeNames = (graph: ModelGraph): string[] => graph.nodes.map((node) => node.name)

const tensorNames = (graph: ModelGraph): TensorName[] => [
  ...graph.inputs.map((input) => input.name),
  ...graph.initialisers.keys(),
  ...graph.nodes.flatMap((node) => node.outputs),
]
