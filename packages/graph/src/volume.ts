import type { Range, TensorName } from '@roomful/core'
import type { GraphAnalysis, NodeAnalysis, OperatorKind } from './analysis.ts'
import { GraphError } from './error.ts'
import type { GraphNode } from './model-graph.ts'
import { RowContext } from './operators/context.ts'
import { isRefusal, type Refusal, type RowLayout, type RowPlan, refuse } from './operators/operator.ts'
import { operatorOf } from './operators/registry.ts'
import { subGraph, unknownTensor } from './sub-graph.ts'

/** One node of a volume that computes rows. */
export interface VolumeStep {
  readonly analysis: NodeAnalysis
  readonly plan: RowPlan
  /** Slots of the inputs that carry rows, by input position; -1 for constants. */
  readonly inputs: readonly number[]
  /** Slots of the outputs by position; -1 for outputs that are left out. */
  readonly outputs: readonly number[]
  readonly macsPerRow: number
  readonly bytesPerRow: number
}

interface Slot {
  readonly name: TensorName
  readonly layout: RowLayout
}

/** A volume whose rows can be computed apart: its nodes in order, and a slot per tensor that carries rows. */
export interface Volume {
  readonly from: TensorName
  readonly to: TensorName
  readonly steps: readonly VolumeStep[]
  readonly slots: readonly Slot[]
  /** Slot of `to`; that of `from` is 0. */
  readonly target: number
}

export interface Obstacle {
  readonly ok: false
  readonly node: string
  readonly why: string
}

/** Whether a volume can be computed by rows; if not, the first node that forbids it. */
export type Tileable = { readonly ok: true } | Obstacle

const memory = new WeakMap<GraphAnalysis, Map<string, Volume | Obstacle>>()
/** A feature map is batch, channels, rows, columns. */
const RANK = 4
const ROW_AXIS = 2

/**
 * The row rules of all nodes between two tensors, remembered per analysis.
 * @throws GraphError `unknown-tensor` or `not-separating` when there is no such volume at all
 */
export function volumeOf(analysis: GraphAnalysis, from: TensorName, to: TensorName): Volume | Obstacle {
  let known = memory.get(analysis)
  if (known === undefined) {
    known = new Map()
    memory.set(analysis, known)
  }
  const key = JSON.stringify([from, to])
  let volume = known.get(key)
  if (volume === undefined) {
    volume = plan(analysis, from, to)
    known.set(key, volume)
  }
  return volume
}

function plan(analysis: GraphAnalysis, from: TensorName, to: TensorName): Volume | Obstacle {
  const { graph, nodes, tensors, dynamic, producers } = analysis
  const isInput = graph.inputs.some((input) => input.name === from)
  if (!producers.has(from) && !isInput) throw unknownTensor(from)
  if (!producers.has(to)) throw unknownTensor(to)
  const part = subGraph(analysis, new Set([from]), [to])
  if (!part.reached.has(from)) throw new GraphError('not-separating', `${to} does not depend on ${from}`)
  if (from === to) throw new GraphError('not-separating', `nothing lies between ${from} and itself`)

  const indices = part.nodes.filter((index) => nodes[index]?.node.outputs.some((name) => dynamic.has(name)))
  const shape = tensors.get(from)?.shape ?? []
  const height = shape[ROW_AXIS]
  if (height === undefined || shape.length !== RANK) {
    const first = nodes[indices[0] ?? 0]?.node.label ?? from
    return obstacle(first, `its input ${from} is no feature map: it is [${shape}]`)
  }
  const slots: Slot[] = [{ name: from, layout: { axis: ROW_AXIS, unit: 1, height } }]
  const slotOf = new Map<TensorName, number>([[from, 0]])
  const steps: VolumeStep[] = []
  for (const index of indices) {
    const entry = nodes[index]
    if (entry === undefined) continue
    const { node, macs, activationBytes } = entry
    const rowPlan = planNode(analysis, node, (name) => slots[slotOf.get(name) ?? -1]?.layout)
    if (isRefusal(rowPlan)) return obstacle(node.label, rowPlan.why)
    const outputs = node.outputs.map((name, i) => {
      const layout = rowPlan.outputs[i]
      if (name === '' || layout === undefined) return -1
      slotOf.set(name, slots.length)
      return slots.push({ name, layout }) - 1
    })
    const rows = rowPlan.outputs[0]?.height ?? 1
    steps.push({
      analysis: entry,
      plan: rowPlan,
      inputs: node.inputs.map((name) => slotOf.get(name) ?? -1),
      outputs,
      macsPerRow: macs / rows,
      bytesPerRow: activationBytes / rows,
    })
  }
  const target = slotOf.get(to)
  const { axis, unit } = slots[target ?? -1]?.layout ?? { axis: -1, unit: 0 }
  if (target === undefined || axis !== ROW_AXIS || unit !== 1 || tensors.get(to)?.shape.length !== RANK) {
    return obstacle(steps.at(-1)?.analysis.node.label ?? to, 'its output does not hold its rows on axis 2')
  }
  return { from, to, steps, slots, target }
}

const obstacle = (node: string, why: string): Obstacle => ({ ok: false, node, why })

function planNode(
  { graph, tensors }: GraphAnalysis,
  node: GraphNode,
  layoutOf: (name: TensorName) => RowLayout | undefined,
): RowPlan | Refusal {
  const operator = operatorOf(node)
  if (operator === undefined) return refuse(`the operator ${node.op} is not known`)
  const outputs = node.outputs.flatMap((name) => (name === '' ? [] : (tensors.get(name) ?? [])))
  if (outputs.length === 0) return refuse('its shape is not known')
  const lookup = (name: TensorName) => tensors.get(name)
  const c = new RowContext(node, graph.opsets.get(node.domain) ?? 1, lookup, layoutOf, outputs)
  return guarded(() => operator.rows?.(c)) ?? refuse(`${node.op} has no row rule`)
}

/** Rules may meet inputs that they cannot serve: that is a refusal too. */
function guarded(rule: () => RowPlan | Refusal | undefined): RowPlan | Refusal | undefined {
  try {
    return rule()
  } catch (error) {
    if (error instanceof GraphError && error.reason !== 'malformed') return { why: error.message }
    throw error
  }
}

/** Rows of every tensor of a volume that `rows` of its output need. */
export interface RowRanges {
  /** By slot: what is kept of the tensor. */
  readonly kept: readonly Range[]
  /** By step: what the node computes, at least what is kept. */
  readonly produced: readonly Range[]
}

const NOTHING: Range = { start: Number.POSITIVE_INFINITY, end: Number.NEGATIVE_INFINITY }

function hull(a: Range, b: Range): Range {
  if (b.start >= a.start && b.end <= a.end) return a
  return { start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) }
}

/** Walks the volume back from its output. @throws GraphError `not-tileable` for rows that do not exist */
export function rowRanges(volume: Volume, rows: Range): RowRanges {
  const { steps, slots, target } = volume
  const height = slots[target]?.layout.height ?? 0
  const { start, end } = rows
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end > height || start >= end) {
    throw new GraphError('not-tileable', `rows ${start}:${end} of ${volume.to}, which has ${height}`)
  }
  const kept = new Array<Range>(slots.length).fill(NOTHING)
  const produced = new Array<Range>(steps.length).fill(NOTHING)
  kept[target] = { start, end }
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const step = steps[index]
    if (step === undefined) continue
    let wanted = NOTHING
    for (const slot of step.outputs) if (slot >= 0) wanted = hull(wanted, kept[slot] ?? NOTHING)
    const made = step.plan.produced?.(wanted) ?? wanted
    produced[index] = made
    const need = step.plan.need(made)
    for (const slot of step.inputs) if (slot >= 0) kept[slot] = hull(kept[slot] ?? NOTHING, need)
  }
  return { kept, produced }
}

/** The volume, or the obstacle as an error. @throws GraphError `not-tileable` */
export function tileableVolume(analysis: GraphAnalysis, from: TensorName, to: TensorName): Volume {
  const volume = volumeOf(analysis, from, to)
  if (!('ok' in volume)) return volume
  const { node, why } = volume
  throw new GraphError('not-tileable', `the volume from ${from} to ${to} cannot be tiled: ${node}: ${why}`, { node })
}

/** @throws GraphError `unknown-tensor` or `not-separating` when there is no such volume at all */
export function tileable(analysis: GraphAnalysis, from: TensorName, to: TensorName): Tileable {
  const volume = volumeOf(analysis, from, to)
  return 'ok' in volume ? volume : { ok: true }
}

/** What one node of a tile does. */
export interface TileNode {
  readonly node: string
  readonly kind: OperatorKind
  /** Rows that the node computes. */
  readonly rows: Range
  readonly macs: number
  /** Bytes of the rows that the node writes. */
  readonly bytes: number
}
