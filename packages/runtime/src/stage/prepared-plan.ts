import type { Backend, DeviceId, ExitName, PlanId, TensorName } from '@roomful/core'
import { allocate, type DType, elementCount, type FeatureMap } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { givenBy, type StagedModel, type StagePart, takenBy } from '../model/staged-model.ts'
import type { ExitLayout, PlanLayout } from '../plan/layout.ts'
import { segmentLimitMs, sessionsOf } from '../plan/segments.ts'
import type { SessionLease, SessionPool } from './session-pool.ts'

/** One session of a stage. Names are those of the model, in the order of the session's own inputs and outputs. */
export interface Segment {
  readonly lease: SessionLease
  readonly takes: readonly TensorName[]
  readonly gives: readonly TensorName[]
}

/** What one device runs of one volume, or of one exit: a chain of sessions from `from` to `to`. */
export interface PreparedStage {
  readonly backend: Backend
  readonly from: TensorName
  readonly to: TensorName
  readonly segments: readonly Segment[]
}

/** A device's part of a plan, built and warm. */
export interface PreparedPlan {
  readonly planId: PlanId
  readonly layout: PlanLayout
  readonly model: StagedModel
  /** Key: `volume/shard`. */
  readonly shards: ReadonlyMap<string, PreparedStage>
  readonly exits: ReadonlyMap<ExitName, PreparedStage>
  readonly fetchedBytes: number
  release(): void
}

export interface PrepareOptions {
  readonly self: DeviceId
  readonly planId: PlanId
  readonly layout: PlanLayout
  readonly model: StagedModel
  readonly pool: SessionPool
  /** Longest predicted time of one session: cancel acts between sessions. */
  readonly segmentMs: number
  /** Predicted time of a stage on a backend of this device; undefined when nothing is known. */
  readonly predictMs: (macs: number, backend: Backend) => number | undefined
  /** Resolves when the next session may be built; at once by default. */
  readonly pace?: (signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
}

export const shardKey = (volume: number, shard: number) => `${volume}/${shard}`

/** Builds and warms every stage that the plan gives to `self`. On failure nothing stays held. @throws as the pool */
export async function preparePlan(options: PrepareOptions): Promise<PreparedPlan> {
  const { self, planId, layout, model } = options
  const leases: SessionLease[] = []
  const release = () => {
    for (const lease of leases) lease.release()
  }
  try {
    const shards = new Map<string, PreparedStage>()
    for (const [volume, members] of layout.shards.entries()) {
      for (const [index, shard] of members.entries()) {
        if (shard.device !== self) continue
        const part = shardPart(layout, volume, index)
        const rows = shard.inputRows
        const cut = layout.cuts[volume]
        const blank = zeros(cut?.dtype ?? 'float32', withRows(cut?.dims ?? [], rows && rows.end - rows.start))
        shards.set(shardKey(volume, index), await build(options, part, shard.backend, blank, leases))
      }
    }
    const exits = new Map<ExitName, PreparedStage>()
    for (const [volume, cut] of layout.cuts.entries()) {
      for (const exit of cut.exits) {
        if (exit.placement.device !== self) continue
        const part = exitPart(layout, volume, exit)
        const blank = zeros(cut.dtype, cut.dims)
        exits.set(exit.exit.name, await build(options, part, exit.placement.backend, blank, leases))
      }
    }
    const fetchedBytes = leases.reduce((sum, lease) => sum + lease.fetchedBytes, 0)
    return { planId, layout, model, shards, exits, fetchedBytes, release }
  } catch (error) {
    release()
    throw error
  }
}

/** The sub-model of one shard of a plan. */
export function shardPart(layout: PlanLayout, volume: number, index: number): StagePart {
  const { plan, shards } = layout
  const here = plan.volumes[volume]
  const shard = shards[volume]?.[index]
  if (here === undefined || shard === undefined) throw new RuntimeError('bad-plan', `no shard ${volume}/${index}`)
  const decoder = plan.volumes[volume - 1]?.wire.bottleneck
  const encoder = volume + 1 < plan.volumes.length ? here.wire.bottleneck : undefined
  return {
    trunk: plan.trunk,
    from: here.from,
    to: here.to,
    ...(shard.rows === undefined ? {} : { rows: shard.rows }),
    ...(decoder === undefined ? {} : { decoder }),
    ...(encoder === undefined ? {} : { encoder }),
  }
}

function exitPart(layout: PlanLayout, volume: number, { exit }: ExitLayout): StagePart {
  const decoder = layout.plan.volumes[volume - 1]?.wire.bottleneck
  return {
    trunk: layout.plan.trunk,
    from: exit.from,
    to: exit.output,
    ...(decoder === undefined ? {} : { decoder }),
  }
}

async function build(
  options: PrepareOptions,
  part: StagePart,
  backend: Backend,
  blank: FeatureMap,
  leases: SessionLease[],
): Promise<PreparedStage> {
  const { model, pool, pace, signal, predictMs } = options
  const overheadMs = predictMs(0, backend) ?? 0
  const speed = {
    predictedMs: predictMs(stageMacs(model, part), backend) ?? 0,
    overheadMs,
    msPerMac: ((predictMs(1e9, backend) ?? 0) - overheadMs) / 1e9,
  }
  const parts = sessionsOf(model, part, speed, segmentLimitMs(options.segmentMs, overheadMs, speed.msPerMac))
  const segments: Segment[] = []
  for (const [index, segment] of parts.entries()) {
    if (!pool.holds(model, segment, backend)) await pace?.(signal)
    const lease = await pool.acquire(model, segment, backend, signal)
    leases.push(lease)
    segments.push({ lease, takes: takenBy(segment), gives: givenBy(segment) })
    if (!lease.warm()) await warmUp(lease, index === 0 ? [blank] : blankInputs(model, segment), signal)
  }
  return { backend, from: part.from, to: part.to, segments }
}

/** MACs of a stage; rows take their share, exits count as nothing here. */
export function stageMacs(model: StagedModel, part: StagePart): number {
  const at = (tensor: string) =>
    tensor === model.input.tensor
      ? 0
      : tensor === model.output.tensor
        ? model.macs
        : model.points.find((point) => point.tensor === tensor)?.macsBefore
  const start = at(part.from)
  const end = at(part.to)
  if (start === undefined || end === undefined) return 0
  const height = model.shape(part.to)?.[2]
  const share = part.rows === undefined || height === undefined ? 1 : (part.rows.end - part.rows.start) / height
  return (end - start) * share
}

/** Runs zeros through once: the first run compiles shaders and grows arenas. */
async function warmUp(lease: SessionLease, blanks: readonly FeatureMap[], signal: AbortSignal): Promise<void> {
  const { session } = lease
  const inputs = Object.fromEntries(session.inputs.flatMap((name, i) => (blanks[i] ? [[name, blanks[i]]] : [])))
  await session.run(inputs, { signal })
  lease.markWarm()
}

/** What a segment takes that is not its stage's first: no picture and no code of a bottleneck. */
function blankInputs(model: StagedModel, part: StagePart): FeatureMap[] {
  const taken = part.rows && model.inputRows(part.from, part.to, part.rows)
  const height = taken && taken.end - taken.start
  return takenBy(part).map((name) => zeros(model.dtype(name), withRows(model.shape(name) ?? [], height)))
}

function zeros(dtype: DType, dims: readonly number[]): FeatureMap {
  return { dtype, dims, data: allocate(dtype, elementCount(dims)) }
}

function withRows(dims: readonly number[], rows: number | undefined): readonly number[] {
  return rows === undefined ? dims : dims.map((dim, axis) => (axis === 2 ? rows : dim))
}
