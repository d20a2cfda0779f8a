import type { Range, TensorName } from '@roomful/core'
import { analyse } from './analyse.ts'
import type { GraphAnalysis } from './analysis.ts'
import type { GraphNode, Initialiser, ModelGraph, ValueInfo } from './model-graph.ts'
import { NodeEdit } from './operators/node-edit.ts'
import { modelOf, nodesAt, subGraph, valueInfoOf } from './sub-graph.ts'
import { int64Bytes } from './tensor-values.ts'
import { type RowRanges, rowRanges, tileableVolume, type Volume, type VolumeStep } from './volume.ts'

/** A sub-model for some rows of a volume's output. */
export interface Tile {
  /** Its one input is exactly `inputRows` of `from` (axis 2), its one output exactly the rows asked for. */
  readonly graph: ModelGraph
  readonly inputRows: Range
}

/**
 * The sub-model that computes `rows` of `to` from the rows of `from` that they need. Padding stays only at the tensor's
 * true borders; where branches need different rows of one tensor, a Slice takes them; shapes that name the height
 * are rewritten. All names of tensors are kept.
 * @throws GraphError `not-tileable` (naming the node, or the rows that do not exist), `unknown-tensor`, `not-separating`
 */
export function tile(source: GraphAnalysis | ModelGraph, from: TensorName, to: TensorName, rows: Range): Tile {
  const analysis = 'graph' in source ? source : analyse(source)
  const volume = tileableVolume(analysis, from, to)
  const ranges = rowRanges(volume, rows)
  const builder = new TileBuilder(analysis, volume, ranges)
  for (const [index, step] of volume.steps.entries()) builder.add(step, index)
  const inputRows = ranges.kept[0] ?? rows
  const { nodes, initialisers } = builder
  const constants = subGraph(analysis, new Set([from]), neededConstants(analysis, nodes, initialisers))
  const graph = modelOf(analysis.graph, {
    inputs: [withRows(valueInfoOf(analysis, from), inputRows)],
    outputs: [withRows(valueInfoOf(analysis, to), rows)],
    nodes: [...nodesAt(analysis, constants.nodes), ...nodes],
    initialisers: new Map([...constants.initialisers, ...initialisers]),
  })
  return { graph, inputRows }
}

/** Constants that the tile's nodes still read after their changes. */
function neededConstants(
  { tensors, dynamic }: GraphAnalysis,
  nodes: readonly GraphNode[],
  own: ReadonlyMap<TensorName, Initialiser>,
): TensorName[] {
  const names = new Set<TensorName>()
  for (const node of nodes) {
    for (const name of node.inputs) {
      if (name !== '' && !own.has(name) && !dynamic.has(name) && tensors.has(name)) names.add(name)
    }
  }
  return [...names]
}

const withRows = ({ name, dtype, shape }: ValueInfo, { start, end }: Range): ValueInfo => ({
  name,
  dtype,
  ...(shape === undefined ? {} : { shape: shape.map((size, axis) => (axis === 2 ? end - start : size)) }),
})

class TileBuilder {
  readonly nodes: GraphNode[] = []
  readonly initialisers = new Map<TensorName, Initialiser>()
  readonly #volume: Volume
  readonly #ranges: RowRanges
  readonly #opset: number
  readonly #taken: Set<TensorName>
  readonly #slices = new Map<string, TensorName>()

  constructor(analysis: GraphAnalysis, volume: Volume, ranges: RowRanges) {
    this.#volume = volume
    this.#ranges = ranges
    this.#opset = analysis.graph.opset
    const nodeNames = analysis.graph.nodes.map((node) => node.name)
    this.#taken = new Set([...analysis.producers.keys(), ...analysis.tensors.keys(), ...nodeNames])
  }

  /** The step's node for its rows, with the slices before and after it. */
  add(step: VolumeStep, index: number): void {
    const { kept } = this.#ranges
    const made = this.#ranges.produced[index]
    if (made === undefined) return
    const need = step.plan.need(made)
    const { node } = step.analysis
    const inputs = node.inputs.map((name, i) => {
      const slot = step.inputs[i] ?? -1
      return slot < 0 ? name : this.#rowsOf(slot, need)
    })
    const edit = new NodeEdit(node, inputs, (hint) => this.#fresh(hint))
    step.plan.rewrite?.(edit, made)
    for (const constant of edit.constants) this.initialisers.set(constant.name, constant)
    for (const cut of edit.slices) this.#slice(cut.of, cut.to, cut.axis, cut.start, cut.end)
    const outputs = node.outputs.map((name, i) => {
      const range = kept[step.outputs[i] ?? -1]
      return range === undefined || same(range, made) || isEmpty(range) ? name : this.#fresh(name)
    })
    this.nodes.push(edit.node(outputs))
    for (const [i, name] of node.outputs.entries()) {
      const slot = step.outputs[i] ?? -1
      const wide = outputs[i]
      if (wide !== undefined && wide !== name) this.#cut(wide, name, slot, made)
    }
  }

  /** The name of these rows of a tensor: itself, or a slice of it. */
  #rowsOf(slot: number, need: Range): TensorName {
    const name = this.#volume.slots[slot]?.name ?? ''
    const kept = this.#ranges.kept[slot]
    if (kept === undefined || same(kept, need)) return name
    const key = `${slot}:${need.start}:${need.end}`
    let part = this.#slices.get(key)
    if (part === undefined) {
      part = this.#fresh(name)
      this.#slices.set(key, part)
      const { axis, unit } = this.#volume.slots[slot]?.layout ?? { axis: 2, unit: 1 }
      this.#slice(name, part, axis, (need.start - kept.start) * unit, (need.end - kept.start) * unit)
    }
    return part
  }

  /** `to` becomes what is kept of a tensor of which `wide` holds the rows `made`. */
  #cut(wide: TensorName, to: TensorName, slot: number, made: Range): void {
    const kept = this.#ranges.kept[slot]
    const layout = this.#volume.slots[slot]?.layout
    if (kept === undefined || layout === undefined) return
    const { axis, unit } = layout
    this.#slice(wide, to, axis, (kept.start - made.start) * unit, (kept.end - made.start) * unit)
  }

  /** A Slice node: bounds are attributes before opset 10, inputs since. */
  #slice(of: TensorName, to: TensorName, axis: number, start: number, end: number): void {
    const name = this.#fresh(`${to}_slice`)
    const base = { name, label: name, op: 'Slice', domain: '', outputs: [to], captures: [] }
    if (this.#opset < 10) {
      const ints = (value: number) => ({ kind: 'ints', value: [value] }) as const
      const attributes = new Map([
        ['axes', ints(axis)],
        ['starts', ints(start)],
        ['ends', ints(end)],
      ])
      this.nodes.push({ ...base, inputs: [of], attributes })
      return
    }
    const inputs = [of, this.#int(start), this.#int(end), this.#int(axis)]
    this.nodes.push({ ...base, inputs, attributes: new Map() })
  }

  #int(value: number): TensorName {
    const name = `tile_int_${value}`
    if (!this.initialisers.has(name)) {
      this.initialisers.set(name, { name, dtype: 'int64', dims: [1], data: int64Bytes([value]) })
      this.#taken.add(name)
    }
    return name
  }

  #fresh(hint: string): TensorName {
    for (let i = 1; ; i += 1) {
      const name = `${hint}_rows${i}`
      if (this.#taken.has(name)) continue
      this.#taken.add(name)
      return name
    }
  }
}

const same = (a: Range, b: Range): boolean => a.start === b.start && a.end === b.end
const isEmpty = (range: Range): boolean => range.end <= range.start
