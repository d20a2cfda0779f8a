import type { Range, TensorName } from '@roomful/core'
import {
  type GraphAnalysis,
  type NodeAnalysis,
  type OperatorKind,
  type TileNode,
  tileable,
  volumeGeometry,
} from '@roomful/graph'
import { addNode, emptyWork, type Work, type WorkKind, workMacs } from '../predictor/work.ts'
import type { RowTables, Segment } from './plannable.ts'
import { rowTables } from './row-tables.ts'

const KINDS: Readonly<Record<OperatorKind, WorkKind | undefined>> = {
  conv: 'conv',
  depthwise: 'depthwise',
  gemm: 'dense',
  pool: 'pool',
  elementwise: 'elementwise',
  norm: 'elementwise',
  softmax: 'other',
  reduce: 'pool',
  resize: 'other',
  quantise: 'elementwise',
  copy: 'other',
  constant: undefined,
  unknown: 'other',
}

/** The nodes of a graph by what they make, for walking back from a tensor. */
export class NodeIndex {
  readonly #producers = new Map<TensorName, NodeAnalysis>()
  readonly #kinds = new Map<string, WorkKind | undefined>()
  readonly #analysis: GraphAnalysis

  constructor(analysis: GraphAnalysis) {
    this.#analysis = analysis
    for (const entry of analysis.nodes) {
      for (const output of entry.node.outputs) if (output !== '') this.#producers.set(output, entry)
      this.#kinds.set(entry.node.label, kindOf(entry))
    }
  }

  /** Every node on the way from `from` (exclusive) to `to`. */
  between(from: TensorName, to: TensorName): NodeAnalysis[] {
    const found = new Set<NodeAnalysis>()
    const waiting = [to]
    for (let tensor = waiting.pop(); tensor !== undefined; tensor = waiting.pop()) {
      if (tensor === from) continue
      const entry = this.#producers.get(tensor)
      // A folded shape reads no activation, wherever the tensor whose shape it is may lie.
      if (entry === undefined || entry.kind === 'constant' || found.has(entry)) continue
      found.add(entry)
      waiting.push(...entry.node.inputs, ...entry.node.captures)
    }
    return [...found]
  }

  work(nodes: readonly NodeAnalysis[]): Work {
    const work = emptyWork()
    for (const entry of nodes) {
      const kind = kindOf(entry)
      if (kind === undefined) continue
      // A dense layer's time is the reading of its weights.
      const weights = kind === 'dense' ? entry.parameters * 4 : 0
      addNode(work, kind, entry.macs, entry.activationBytes + weights)
    }
    return work
  }

  segment(from: TensorName, to: TensorName): Segment {
    const nodes = this.between(from, to)
    const work = this.work(nodes)
    const able = tileable(this.#analysis, from, to)
    let tables: RowTables | undefined
    return {
      work,
      macs: workMacs(work),
      parameters: nodes.reduce((sum, entry) => sum + entry.parameters, 0),
      activationBytes: this.#largestStep(nodes),
      tables: () => {
        if (able.ok) tables ??= this.#tables(from, to)
        return tables
      },
      ...(able.ok ? {} : { untileable: { node: able.node, why: able.why } }),
    }
  }

  #tables(from: TensorName, to: TensorName): RowTables {
    const geometry = volumeGeometry(this.#analysis, from, to)
    return rowTables(geometry.outputHeight, (rows: Range) => {
      const tile = geometry.rows(rows)
      return { inputRows: tile.inputRows, work: this.#tileWork(tile.nodes) }
    })
  }

  #tileWork(nodes: readonly TileNode[]): Work {
    const work = emptyWork()
    for (const { node, kind, macs, bytes } of nodes) {
      const known = this.#kinds.get(node) ?? KINDS[kind]
      if (known !== undefined) addNode(work, known, macs, bytes)
    }
    return work
  }

  #largestStep(nodes: readonly NodeAnalysis[]): number {
    let largest = 0
    for (const { node, activationBytes } of nodes) {
      const inputs = node.inputs.reduce((sum, name) => sum + this.#activation(name), 0)
      largest = Math.max(largest, inputs + activationBytes)
    }
    return largest
  }

  #activation(name: TensorName): number {
    const info = this.#analysis.tensors.get(name)
    return info === undefined || info.constant ? 0 : info.bytes
  }
}

function kindOf({ kind, node }: NodeAnalysis): WorkKind | undefined {
  if (kind !== 'conv') return KINDS[kind]
  const kernel = node.attributes.get('kernel_shape')
  const pointwise = kernel?.kind === 'ints' && kernel.value.every((size) => size === 1)
  return pointwise ? 'pointwise' : 'conv'
}
