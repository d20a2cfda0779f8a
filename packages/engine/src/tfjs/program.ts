import type { TensorName } from '@roomful/core'
import { analyse, type GraphAnalysis, GraphError, type GraphNode, readModel } from '@roomful/graph'
import * as tf from '@tensorflow/tfjs-core'
import { EngineError } from '../engine.ts'
import { constantsOf } from './constants.ts'
import { type FusedActivation, type Kernel, NodeContext, type ProgramParts } from './node-context.ts'
import { OPERATORS } from './operators/registry.ts'

interface Step {
  readonly kernel: Kernel
  readonly outputs: readonly TensorName[]
  /** Tensors that no later step reads. */
  readonly last: readonly TensorName[]
}

/** What a program needs and gives, in ONNX order. */
export interface ProgramPort {
  readonly name: TensorName
  readonly shape: readonly number[]
}

/** An ONNX sub-model as TensorFlow.js calls, its weights uploaded. Belongs to the backend that is active when it is made. */
export interface Program {
  readonly inputs: readonly ProgramPort[]
  readonly outputs: readonly TensorName[]
  /** `feeds` are in stored layout and belong to the caller; the outputs (stored layout too) belong to the caller. */
  run(feeds: ReadonlyMap<TensorName, tf.Tensor>): tf.Tensor[]
  dispose(): void
}

/**
 * @throws EngineError `malformed` (no ONNX model), `unsupported` (an operator, or a form of one, that does not run here:
 * nothing has been uploaded or run then)
 */
export function compileProgram(model: Uint8Array): Program {
  const analysis = read(model)
  const { graph } = analysis
  const live = graph.nodes.filter((_, index) => analysis.nodes[index]?.kind !== 'constant')
  for (const node of live) {
    if (node.domain === '' && OPERATORS.has(node.op)) continue
    const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`
    throw new EngineError('unsupported', `TensorFlow.js: operator ${op} of node '${node.label}' does not run here`)
  }
  for (const { name, dtype } of [...graph.inputs, ...graph.outputs]) {
    if (dtype !== 'float32' && dtype !== 'undefined') {
      throw new EngineError('unsupported', `TensorFlow.js: '${name}' is ${dtype}; only float32 enters and leaves`)
    }
  }
  const kept: tf.Tensor[] = []
  try {
    const steps = lower(analysis, live, kept)
    const inputs = graph.inputs.map(({ name }) => ({ name, shape: analysis.tensors.get(name)?.shape ?? [] }))
    const outputs = graph.outputs.map(({ name }) => name)
    return {
      inputs,
      outputs,
      run: (feeds) => tf.tidy(() => runSteps(steps, feeds, outputs)),
      dispose: () => tf.dispose(kept.splice(0)),
    }
  } catch (error) {
    tf.dispose(kept)
    throw error
  }
}

function read(model: Uint8Array): GraphAnalysis {
  try {
    return analyse(readModel(model))
  } catch (cause) {
    if (!(cause instanceof GraphError)) throw cause
    throw new EngineError(cause.reason === 'unsupported' ? 'unsupported' : 'malformed', cause.message, { cause })
  }
}

function lower(analysis: GraphAnalysis, live: readonly GraphNode[], kept: tf.Tensor[]): Step[] {
  const { graph } = analysis
  const constant = constantsOf(analysis)
  const parts: ProgramParts = {
    opset: graph.opset,
    shape: (name) => analysis.tensors.get(name)?.shape,
    constant: (name) => (analysis.dynamic.has(name) ? undefined : constant(name)),
    keep: (tensor) => {
      kept.push(tf.keep(tensor))
      return tensor
    },
  }
  const fusions = fusedActivations(
    graph.outputs.map((output) => output.name),
    live,
    parts,
  )
  const swallowed = new Set([...fusions.values()].map(({ by }) => by))
  checkMade(
    live,
    graph.inputs.map((input) => input.name),
    parts,
  )
  const built = live
    .filter((node) => !swallowed.has(node))
    .map((node) => {
      const fusion = fusions.get(node)
      const kernel = OPERATORS.get(node.op)?.(new NodeContext(node, parts, fusion?.activation))
      if (kernel === undefined) throw new EngineError('unsupported', `TensorFlow.js: operator ${node.op}`)
      return { kernel, node, outputs: fusion?.by.outputs ?? node.outputs }
    })
  return withLastUses(built, new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name)))
}

/** A constant may be of a kind that nothing here can compute: better said now than in the run. */
function checkMade(live: readonly GraphNode[], inputs: readonly TensorName[], parts: ProgramParts): void {
  const made = new Set([...inputs, ...live.flatMap((node) => node.outputs)])
  for (const node of live) {
    for (const name of node.inputs) {
      if (name === '' || made.has(name) || parts.constant(name) !== undefined) continue
      const why = `its input '${name}' is a constant that must be computed first, by an operator that does not run here`
      throw new EngineError('unsupported', `TensorFlow.js: ${node.op} '${node.label}': ${why}`)
    }
  }
}

/** Which nodes take the activation that follows them into their own kernel. */
function fusedActivations(
  outputs: readonly TensorName[],
  live: readonly GraphNode[],
  parts: ProgramParts,
): Map<GraphNode, { activation: FusedActivation; by: GraphNode }> {
  const readers = new Map<TensorName, GraphNode[]>()
  for (const node of live) {
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node])
  }
  const found = new Map<GraphNode, { activation: FusedActivation; by: GraphNode }>()
  for (const node of live) {
    const [output = ''] = node.outputs
    const [by, another] = readers.get(output) ?? []
    const fusible = node.op === 'Conv' || node.op === 'Gemm'
    if (!fusible || by === undefined || another !== undefined || outputs.includes(output)) continue
    const activation = activationOf(by, parts)
    if (activation !== undefined) found.set(node, { activation, by })
  }
  return found
}

function activationOf(node: GraphNode, parts: ProgramParts): FusedActivation {
  if (node.op === 'Relu') return 'relu'
  if (node.op !== 'Clip' || parts.opset < 11) return undefined
  const [, min = '', max = ''] = node.inputs
  const [low, high] = [parts.constant(min)?.values[0], parts.constant(max)?.values[0]]
  return low === 0 && high === 6 ? 'relu6' : undefined
}

function withLastUses(
  built: readonly { kernel: Kernel; node: GraphNode; outputs: readonly TensorName[] }[],
  held: ReadonlySet<TensorName>,
): Step[] {
  const last = new Map<TensorName, number>()
  for (const [index, { node, outputs }] of built.entries()) {
    // An output that nobody reads ends with its own step.
    for (const name of [...outputs, ...node.inputs]) if (name !== '') last.set(name, index)
  }
  const made = new Set(built.flatMap(({ outputs }) => outputs))
  return built.map(({ kernel, outputs }, index) => ({
    kernel,
    outputs,
    last: [...last].filter(([name, at]) => at === index && made.has(name) && !held.has(name)).map(([name]) => name),
  }))
}

function runSteps(
  steps: readonly Step[],
  feeds: ReadonlyMap<TensorName, tf.Tensor>,
  outputs: readonly TensorName[],
): tf.Tensor[] {
  const tensors = new Map(feeds)
  const env = (name: TensorName): tf.Tensor => {
    const tensor = tensors.get(name)
    if (tensor === undefined) throw new EngineError('malformed', `TensorFlow.js: no step makes the tensor '${name}'`)
    return tensor
  }
  for (const { kernel, outputs: names, last } of steps) {
    // What a kernel makes on the way ends with it; its results live until their last reader.
    const results = tf.tidy(() => {
      const made = kernel(env)
      return made instanceof tf.Tensor ? [made] : [...made]
    })
    for (const [i, name] of names.entries()) {
      const tensor = results[i]
      if (tensor !== undefined && name !== '') tensors.set(name, tensor)
    }
    for (const name of last) {
      tensors.get(name)?.dispose()
      tensors.delete(name)
    }
  }
  // Clones: an output may be a feed, or the same tensor twice.
  return outputs.map((name) => env(name).clone())
}
