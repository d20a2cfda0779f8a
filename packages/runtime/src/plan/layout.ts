import type { Backend, DeviceId, ExitPlacement, Plan, Range, TensorName } from '@roomful/core'
import { errorText } from '@roomful/core'
import type { DType } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import type { ModelExit, StagedModel } from '../model/staged-model.ts'

/** One shard with its rows resolved; absent rows mean the whole tensor. */
export interface ShardLayout {
  readonly device: DeviceId
  readonly backend: Backend
  /** Rows of the volume's `to` that it computes. */
  readonly rows?: Range
  /** Rows of the volume's `from` that it needs. */
  readonly inputRows?: Range
}

export interface ExitLayout {
  readonly placement: ExitPlacement
  readonly exit: ModelExit
}

/** A tensor between volumes; `cuts[k]` is the input of volume k, the last one the model's output. */
export interface CutLayout {
  readonly tensor: TensorName
  /** As it travels: the bottleneck's code where there is one. */
  readonly dims: readonly number[]
  readonly dtype: DType
  /** Rows of a picture-shaped tensor (NCHW); undefined when it has none and always travels whole. */
  readonly height?: number
  readonly exits: readonly ExitLayout[]
}

/** A plan with everything that follows from the model's geometry. */
export interface PlanLayout {
  readonly plan: Plan
  readonly initiator: DeviceId
  readonly cuts: readonly CutLayout[]
  /** By volume, then by shard. */
  readonly shards: readonly (readonly ShardLayout[])[]
}

/**
 * Checks that a plan can be executed on a model and resolves its rows: tensors exist and follow each other, shards cover
 * all rows, wire variants exist, every exit hangs on a cut.
 * @throws RuntimeError `bad-plan`, naming the volume or exit
 */
export function layOut(plan: Plan, model: StagedModel, initiator: DeviceId): PlanLayout {
  if (plan.model !== model.digest) throw bad(`made for model ${plan.model}, not ${model.digest}`)
  if (!model.trunks.includes(plan.trunk)) throw bad(`the model has no trunk ${plan.trunk}`)
  checkOrder(plan, model)
  const tensors = [...plan.volumes.map((volume) => volume.from), model.output.tensor]
  const cuts = tensors.map((tensor, k) => cutLayout(plan, model, tensor, k))
  for (const [index, { exit }] of plan.exits.entries()) {
    if (plan.exits.findIndex((other) => other.exit === exit) < index) throw bad(`exit ${exit} has two places`)
    if (!cuts.some((cut) => cut.exits.some((other) => other.exit.name === exit))) {
      throw bad(`exit ${exit} hangs on no cut of the plan, or the model does not have it`)
    }
  }
  const shards = plan.volumes.map((_, k) => shardLayouts(plan, model, k, cuts))
  return { plan, initiator, cuts, shards }
}

function checkOrder(plan: Plan, model: StagedModel): void {
  const order = [model.input.tensor, ...model.points.map((point) => point.tensor), model.output.tensor]
  const other = plan.volumes.find(({ to }) => model.otherOutputs?.includes(to))
  if (other !== undefined) {
    throw bad(`${other.to} is an output of the model, but not its answer: plans end at ${model.output.tensor} only`)
  }
  let place = -1
  for (const [k, { from, to }] of plan.volumes.entries()) {
    const start = order.indexOf(from)
    const end = order.indexOf(to)
    if (start < 0 || end < 0) throw bad(`volume ${k}: ${start < 0 ? from : to} is no partition point of the model`)
    if (end <= start || start < place) throw bad(`volume ${k}: ${to} does not come after ${from}`)
    place = end
  }
  if (plan.volumes[0]?.from !== model.input.tensor) throw bad('the first volume does not begin at the input')
  if (plan.volumes.at(-1)?.to !== model.output.tensor) throw bad('the last volume does not end at the output')
}

function cutLayout(plan: Plan, model: StagedModel, tensor: TensorName, k: number): CutLayout {
  const shape = model.shape(tensor)
  if (shape === undefined) throw bad(`the shape of ${tensor} is not known`)
  const last = k === plan.volumes.length
  const bottleneck = k === 0 || last ? undefined : plan.volumes[k - 1]?.wire.bottleneck
  if (bottleneck !== undefined && !model.hasBottleneck(tensor, bottleneck)) {
    throw bad(`${tensor} has no bottleneck named ${bottleneck}`)
  }
  const code = bottleneck === undefined ? undefined : model.codeShape(tensor, bottleneck)
  const exits = k === 0 || last ? [] : exitsAt(plan, model, tensor)
  const height = shape.length === 4 && bottleneck === undefined ? shape[2] : undefined
  const dtype = code === undefined ? model.dtype(tensor) : 'float32'
  return { tensor, dims: code ?? shape, dtype, exits, ...(height === undefined ? {} : { height }) }
}

function exitsAt(plan: Plan, model: StagedModel, tensor: TensorName): ExitLayout[] {
  return plan.exits.flatMap((placement) => {
    const exit = model.exits.find((other) => other.name === placement.exit)
    return exit?.from === tensor ? [{ placement, exit }] : []
  })
}

function shardLayouts(plan: Plan, model: StagedModel, k: number, cuts: readonly CutLayout[]): ShardLayout[] {
  const volume = plan.volumes[k]
  if (volume === undefined) return []
  const { bottleneck } = volume.wire
  const isEncoded = bottleneck !== undefined && k + 1 < plan.volumes.length
  const shape = model.shape(volume.to)
  const height = isEncoded && shape?.length === 4 ? shape[2] : cuts[k + 1]?.height
  const covered = volume.shards.at(-1)?.rows?.end
  if (isEncoded && volume.shards.length > 1) {
    throw bad(
      `volume ${k}: its shards make rows of ${volume.to}, of which the bottleneck ${bottleneck} takes the whole`,
    )
  }
  if (covered !== undefined && covered !== height) {
    throw bad(`volume ${k}: its shards cover ${covered} of the ${height ?? 0} rows of ${volume.to}`)
  }
  return volume.shards.map(({ device, backend, rows }) => {
    if (rows === undefined || (rows.start === 0 && rows.end === height)) return { device, backend }
    const inputRows = partlyNeeded(model, k, volume.from, volume.to, rows, cuts[k]?.height)
    return { device, backend, rows, ...(inputRows === undefined ? {} : { inputRows }) }
  })
}

function partlyNeeded(
  model: StagedModel,
  k: number,
  from: TensorName,
  to: TensorName,
  rows: Range,
  height: number | undefined,
): Range | undefined {
  let needed: Range
  try {
    needed = model.inputRows(from, to, rows)
  } catch (cause) {
    throw new RuntimeError('bad-plan', `plan: volume ${k} cannot be split by rows: ${errorText(cause)}`, { cause })
  }
  return height === undefined || (needed.start === 0 && needed.end === height) ? undefined : needed
}

function bad(why: string): RuntimeError {
  return new RuntimeError('bad-plan', `plan: ${why}`)
}
