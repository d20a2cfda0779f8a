import type { Clock, DeviceId, ExitName, Span } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { follows, gates, passesOn } from '../plan/routes.ts'
import type { StageSpans } from './active-request.ts'
import { type PreparedPlan, shardKey } from './prepared-plan.ts'
import type { StageTask } from './stage-runner.ts'

/** A shard and the volumes that run on this device right after it, with the exits between them, as one piece of work. */
export interface ShardTasks {
  readonly tasks: readonly StageTask[]
  /** Of the last of them. */
  readonly spans: StageSpans
  /** The cut that the last of them makes. */
  readonly cut: number
  /** Those at which the work may end early. */
  readonly exits: ReadonlyMap<StageTask, { readonly exit: ExitName; readonly spans: StageSpans }>
}

export interface ShardTasksOptions {
  readonly plan: PreparedPlan
  readonly volume: number
  readonly shard: number
  readonly self: DeviceId
  readonly clock: Clock
  /** What has been done for the shard so far. */
  readonly first: StageSpans
  /** As in `passesOn`. */
  readonly isWatched: boolean
  /** A map between two of the volumes that somebody else needs is there. */
  readonly passed: (passed: PassedMap) => void
}

export interface PassedMap {
  readonly cut: number
  readonly map: FeatureMap
  /** What was done for it. */
  readonly ended: StageSpans
  /** As in `TapPart`. */
  readonly release?: (() => void) | undefined
}

/** @throws RuntimeError `malformed` when the shard is not here */
export function shardTasks({
  plan,
  volume,
  shard,
  self,
  clock,
  first,
  isWatched,
  passed,
}: ShardTasksOptions): ShardTasks {
  const { layout } = plan
  const tasks: StageTask[] = []
  const exits = new Map<StageTask, { exit: ExitName; spans: StageSpans }>()
  let spans = first
  for (let at = volume; ; at++) {
    const stage = plan.shards.get(shardKey(at, shard))
    if (stage === undefined) throw new RuntimeError('malformed', `shard ${at}/${shard} is not here`)
    const here = spans
    const task: StageTask = { stage, mark: { kind: 'compute', volume: at }, onSpan: into(here) }
    const cut = at + 1
    if (shard !== 0 || !follows(layout, cut)) return { tasks: [...tasks, task], spans, cut, exits }
    if (passesOn(layout, cut, self, isWatched)) {
      const next = { originMs: here.originMs, spans: [] }
      const onOutput = (map: FeatureMap, release?: () => void) => {
        next.originMs = clock.now()
        passed({ cut, map, ended: here, release })
      }
      tasks.push({ ...task, onOutput })
      spans = next
    } else tasks.push(task)
    for (const { placement, exit } of gates(layout, cut)) {
      const gate = exitTask(plan, cut, placement.exit, spans)
      const { temperature } = exit
      const gated = { ...gate, gate: { temperature, threshold: placement.threshold } }
      exits.set(gated, { exit: placement.exit, spans })
      tasks.push(gated)
    }
  }
}

/** @throws RuntimeError `malformed` when the exit is not here */
export function exitTask(plan: PreparedPlan, volume: number, exit: ExitName, spans: StageSpans): StageTask {
  const stage = plan.exits.get(exit)
  if (stage === undefined) throw new RuntimeError('malformed', `exit ${exit} is not here`)
  return { stage, mark: { kind: 'exit', volume, exit }, onSpan: into(spans) }
}

const into =
  ({ spans }: StageSpans) =>
  (span: Span): void => {
    spans.push(span)
  }
