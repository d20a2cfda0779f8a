import type { ModelDigest, Range, TensorName } from '@roomful/core'
import { modelMacs, type PlannableModel, pointAt, pointIndex, segmentAt } from '@roomful/planner'
import type { CutPoint, ModelExit, StagedModel, StagePart } from '@roomful/runtime'
import { elementCount, type FeatureMap, type InputSpec } from '@roomful/tensor'
import { difficultyOf, markedMap, markOf } from './mark.ts'
import { exitOutput, walkBack } from './stage-cost.ts'

/** Logits that any threshold takes for certain. */
const CERTAIN = 1e4

/**
 * A model of which only the planner's view is known: shapes, rows and work, no weights. It is cut, tiled and executed by
 * the runtime as a real one is; what its parts "compute" is the shape of their output and the mark of the request.
 */
export class SimulatedModel implements StagedModel {
  readonly planned: PlannableModel
  readonly digest: ModelDigest
  readonly input: StagedModel['input']
  readonly output: StagedModel['output']
  readonly trunks: readonly string[]
  readonly exits: readonly ModelExit[]
  readonly points: readonly CutPoint[]
  readonly macs: number

  constructor(planned: PlannableModel) {
    this.planned = planned
    this.digest = planned.digest
    const first = pointAt(planned, 0)
    const spec = pictureSpec(first.shape)
    this.input = { tensor: first.tensor, dims: first.shape, ...(spec === undefined ? {} : { spec }) }
    this.output = { tensor: planned.points.at(-1)?.tensor ?? '', temperature: 1 }
    this.trunks = [planned.trunk, ...planned.trunks.map(({ trunk }) => trunk)]
    this.exits = planned.exits.map(({ name, point }) => {
      return { name, from: pointAt(planned, point).tensor, output: exitOutput(name), temperature: 1 }
    })
    let macsBefore = 0
    this.points = planned.points.slice(1, -1).map(({ tensor }, i) => {
      macsBefore += segmentAt(planned, i).macs
      return { tensor, macsBefore }
    })
    this.macs = modelMacs(planned)
  }

  /** The trunk that a part belongs to. */
  trunk(name: string): PlannableModel {
    return this.planned.trunks.find(({ trunk }) => trunk === name) ?? this.planned
  }

  shape(tensor: TensorName): readonly number[] | undefined {
    const exit = this.planned.exits.find(({ name }) => exitOutput(name) === tensor)
    if (exit !== undefined) return [1, exit.outputBytes / 4]
    return this.planned.points.find((point) => point.tensor === tensor)?.shape
  }

  dtype(): 'float32' {
    return 'float32'
  }

  inputRows(from: TensorName, to: TensorName, rows: Range): Range {
    return walkBack(this.planned, pointIndex(this.planned, from), pointIndex(this.planned, to), rows).inputRows
  }

  hasBottleneck(tensor: TensorName, name: string): boolean {
    return this.#bottleneck(tensor, name) !== undefined
  }

  codeShape(tensor: TensorName, name: string): readonly number[] | undefined {
    const option = this.#bottleneck(tensor, name)
    return option === undefined ? undefined : [1, Math.ceil((option.bytes * 8) / option.wire.bits)]
  }

  held(): boolean {
    return true
  }

  async part(part: StagePart): Promise<{ bytes: Uint8Array; fetchedBytes: number }> {
    return { bytes: new TextEncoder().encode(JSON.stringify(part)), fetchedBytes: 0 }
  }

  /** What a part makes of its input. `shares`: share of requests answered at each of the model's exits. */
  run(part: StagePart, input: FeatureMap, shares: readonly number[]): FeatureMap {
    const mark = markOf(input)
    const exit = this.planned.exits.findIndex(({ name }) => exitOutput(name) === part.to)
    if (exit >= 0) return this.#logits(this.shape(part.to) ?? [1, 1], difficultyOf(mark) < cumulative(shares, exit))
    if (part.to === this.output.tensor && part.rows === undefined) return this.#logits(this.shape(part.to) ?? [], true)
    const whole = part.encoder === undefined ? this.shape(part.to) : this.codeShape(part.to, part.encoder)
    const { rows } = part
    const dims = (whole ?? []).map((dim, axis) => (axis === 2 && rows !== undefined ? rows.end - rows.start : dim))
    return markedMap(dims, mark)
  }

  #logits(dims: readonly number[], certain: boolean): FeatureMap {
    const data = new Float32Array(elementCount(dims))
    if (certain) data[0] = CERTAIN
    return { dtype: 'float32', dims, data }
  }

  #bottleneck(tensor: TensorName, name: string) {
    const { wires = [] } = this.planned.points[pointIndex(this.planned, tensor)] ?? {}
    return wires.find(({ wire }) => wire.bottleneck === name)
  }
}

const cumulative = (shares: readonly number[], exit: number): number =>
  shares.slice(0, exit + 1).reduce((sum, share) => sum + share, 0)

function pictureSpec(dims: readonly number[]): InputSpec | undefined {
  const [batch, channels, height = 0, width = 0] = dims
  if (dims.length !== 4 || batch !== 1 || (channels !== 3 && channels !== 1)) return undefined
  const each = (value: number) => new Array<number>(channels).fill(value)
  return { width, height, mean: each(0), std: each(1), resize: 'cover', channels: channels === 3 ? 'RGB' : 'L' }
}
