import { type ExitName, FINAL_EXIT, type PlanId, type RequestId, type Trace } from '@roomful/core'
import { elementCount, type FeatureMap } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import type { ResultHeader } from '../wire/request-links.ts'
import type { InstalledPlan } from './installer.ts'

/** One answer. */
export interface InferenceResult {
  readonly request: RequestId
  readonly plan: PlanId
  readonly labelIndex: number
  readonly probabilities: Float32Array
  readonly confidence: number
  readonly exit: ExitName
  /** The trunk's output (the one of the manifest, where the model has several) or the exit's; empty when it came from a cache. */
  readonly outputs: readonly FeatureMap[]
  readonly trace: Trace
}

/** A whole feature map at one of the plan's cuts. */
export interface KeptMap {
  readonly volume: number
  readonly map: FeatureMap
}

/** Elements of the largest result that an exit or the end of the plan may give. */
export function mostResultElements({ layout, model }: InstalledPlan): number {
  const exits = model.exits.map((exit) => model.shape(exit.output) ?? [])
  return Math.max(...[...exits, layout.cuts.at(-1)?.dims ?? []].map((dims) => elementCount(dims)))
}

/**
 * The logits of a result, or rows of them. A device may have another version of the model, or mean ill.
 * @throws RuntimeError `malformed` when no stage of the plan gives such a result
 */
export function checkedLogits(
  { layout, model }: InstalledPlan,
  { exit, rows }: Pick<ResultHeader, 'exit' | 'rows'>,
  [logits]: readonly FeatureMap[],
): FeatureMap {
  const isFinal = exit === FINAL_EXIT
  if (!isFinal && !layout.plan.exits.some((placed) => placed.exit === exit)) {
    throw new RuntimeError('malformed', `the plan has no exit ${exit}`)
  }
  const output = model.exits.find(({ name }) => name === exit)?.output ?? ''
  const whole = isFinal ? layout.cuts.at(-1)?.dims : model.shape(output)
  const dims = rows && isFinal ? whole?.map((dim, axis) => (axis === 2 ? rows.end - rows.start : dim)) : whole
  if (logits === undefined || (dims !== undefined && logits.data.length !== elementCount(dims))) {
    throw new RuntimeError('malformed', `${exit} gives ${dims?.join('x')}, not ${logits?.dims.join('x') ?? 'nothing'}`)
  }
  return logits
}
