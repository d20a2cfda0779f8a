import type { ExitName, Plan } from '@roomful/core'
import type { PlannableModel } from '@roomful/planner'
import { type BlockMeans, blockMeans, finite, type MeasuredBlock, ratioOfBlocks } from './block-means.ts'
import type { PhysicalLimit } from './limits.ts'
import type { MethodPlan } from './methods.ts'
import { type Interval, mean, meanInterval, percentile } from './statistics.ts'

/** METHODOLOGY.md defines every figure. Intervals are 95 %; null where there are too few blocks to say. */
export interface RoomRow {
  readonly method: string
  readonly model: string
  readonly meanMs: number
  readonly ciMs: Interval | null
  readonly p95Ms: number
  /**
   * To ONNX Runtime alone on the initiator (`ort`); to the plan `local` where there was no such page, which a note says. null where
   * neither was measured in any block in which this method was.
   */
  readonly ratioToLocal: number | null
  readonly ratioToLocalCi: Interval | null
  /** null where the plan has no limit: it does not fit the stated room. */
  readonly ratioToLimit: number | null
  readonly limitMs: number | null
  /** null of a library alone: nobody planned it. */
  readonly predictedMs: number | null
  /** The same without what asking plans beforehand has shown (`Asked`); null of a library alone. */
  readonly predictedUnaskedMs: number | null
  /** What the planner would have expected with the speeds that the limit is made of; null without solo loops after the blocks. */
  readonly predictedAtMeanSpeedMs: number | null
  /** Share of right answers; null without labels. */
  readonly top1: number | null
  /** Mean bytes over all links per request. */
  readonly bytes: number
  readonly requests: number
  readonly failed: number
  readonly recovered: number
  readonly blocks: number
  /** Share of requests answered at each exit. */
  readonly exits: Readonly<Record<ExitName, number>>
  /** Share of requests answered by the cache. */
  readonly hits: number
  readonly devices: readonly string[]
  /** The method whose samples these are: both chose the same plan. */
  readonly sameAs?: string
}

export interface RowContext {
  readonly model: PlannableModel
  readonly modelName: string
  readonly limit: PhysicalLimit
  /** A plan's prediction without what asking has shown, ms. */
  readonly unasked: (plan: Plan) => number | undefined
  /** Factor of a plan's prediction with the mean of the solo times over that with those it was planned by. */
  readonly speedFactor?: ((plan: Plan, exitShares: readonly number[]) => number | undefined) | undefined
  readonly labels: readonly number[] | undefined
  readonly nameOf: (device: string) => string
}

/** One row per method that answered anything in any block, in the order of the plans. */
export function rowsOf(plans: readonly MethodPlan[], blocks: readonly MeasuredBlock[], context: RowContext): RoomRow[] {
  const localMeans = blockMeans(blocks, localMethod(blocks))
  const measured = new Set(
    blocks.filter(({ samples }) => samples.some(({ failed }) => failed === undefined)).map(({ method }) => method),
  )
  return plans
    .filter(({ method, sameAs }) => measured.has(sameAs ?? method))
    .map((entry) => rowOf(entry, blocks, localMeans, context))
}

/** What `ratioToLocal` is taken to. */
function localMethod(blocks: readonly MeasuredBlock[]): 'ort' | 'local' {
  return blockMeans(blocks, 'ort').size > 0 ? 'ort' : 'local'
}

function rowOf(
  { method, plan, sameAs, cache, library }: MethodPlan,
  blocks: readonly MeasuredBlock[],
  localMeans: BlockMeans,
  { model, modelName, limit, unasked, speedFactor, labels, nameOf }: RowContext,
): RoomRow {
  const own = blocks.filter((block) => block.method === (sameAs ?? method))
  const samples = own.flatMap((block) => block.samples)
  const answered = samples.filter(({ failed }) => failed === undefined)
  const times = answered.map(({ ms }) => ms)
  const byBlock = blockMeans(blocks, sameAs ?? method)
  const means = [...byBlock.values()]
  const toLocal = ratioOfBlocks(byBlock, localMeans)
  const computed = answered.filter(({ source }) => source === 'computed')
  const exits = sharesOf(computed.map(({ exit }) => exit ?? 'final'))
  const hits = answered.length === 0 ? 0 : 1 - computed.length / answered.length
  const exitShares = model.exits.map(({ name }) => exits[name] ?? 0)
  const limitMs = library === undefined ? limit.ofPlan(plan, exitShares, cache ? hits : 0) : undefined
  const factor = speedFactor?.(plan, exitShares)
  const meanMs = mean(means)
  const right = answered.filter(({ label, picture }) => label === labels?.[picture])
  const devices = new Set(plan.volumes.flatMap(({ shards }) => shards.map(({ device }) => nameOf(device))))
  return {
    method,
    model: modelName,
    meanMs,
    ciMs: finite(meanInterval(means)),
    p95Ms: percentile(times, 0.95),
    ratioToLocal: toLocal?.ratio ?? null,
    ratioToLocalCi: toLocal?.ci ?? null,
    ratioToLimit: limitMs === undefined ? null : meanMs / limitMs,
    limitMs: limitMs ?? null,
    predictedMs: library === undefined ? plan.predicted.latencyMs : null,
    predictedUnaskedMs: library === undefined ? (unasked(plan) ?? null) : null,
    predictedAtMeanSpeedMs: library === undefined && factor !== undefined ? plan.predicted.latencyMs * factor : null,
    top1: labels === undefined || answered.length === 0 ? null : right.length / answered.length,
    bytes: answered.length === 0 ? 0 : mean(answered.map(({ bytes }) => bytes)),
    requests: samples.length,
    failed: samples.length - answered.length,
    recovered: samples.filter(({ recovered }) => recovered !== undefined).length,
    blocks: means.length,
    exits,
    hits,
    devices: [...devices],
    ...(sameAs === undefined ? {} : { sameAs }),
  }
}

function sharesOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / names.length]))
}
