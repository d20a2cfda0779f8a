import type { Range, TensorName } from '@roomful/core'
import { type GraphAnalysis, type NodeAnalysis, tileable, volumeGeometry } from '@roomful/graph'
import { addLayer } from '../predictor/layer-work.ts'
import { addRowShare, emptyWork, type Work, workMacs } from '../predictor/work.ts'
import { GraphLayers } from './graph-layers.ts'
import type { RowTables, Segment } from './plannable.ts'
import { rowTables } from './row-tables.ts'

/** The nodes of a graph by what they make, for walking back from a tensor. */
export class NodeIndex {
  readonly #producers = new Map<TensorName, NodeAnalysis>()
  readonly #analysis: GraphAnalysis
  readonly #layers: GraphLayers

  constructor(analysis: GraphAnalysis) {
    this.#analysis = analysis
    this.#layers = new GraphLayers(analysis)
    for (const entry of analysis.nodes) {
      for (const output of entry.node.outputs) if (output !== '') this.#producers.set(output, entry)
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
    for (const layer of this.#layers.of(nodes).values()) addLayer(work, layer)
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
        if (able.ok) tables ??= this.#tables(from, to, nodes)
        return tables
      },
      ...(able.ok ? {} : { untileable: { node: able.node, why: able.why } }),
    }
  }

  #tables(from: TensorName, to: TensorName, nodes: readonly NodeAnalysis[]): RowTables {
    const geometry = volumeGeometry(this.#analysis, from, to)
    const wholes = new Map<string, { readonly work: Work; readonly bytes: number }>()
    for (const [{ node, activationBytes }, layer] of this.#layers.of(nodes)) {
      wholes.set(node.label, { work: addLayer(emptyWork(), layer), bytes: activationBytes })
    }
    return rowTables(geometry.outputHeight, (rows: Range) => {
      const tile = geometry.rows(rows)
      const work = emptyWork()
      for (const { node, bytes } of tile.nodes) {
        const whole = wholes.get(node)
        if (whole !== undefined) addRowShare(work, whole.work, bytes / whole.bytes)
      }
      return { inputRows: tile.inputRows, work }
    })
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
