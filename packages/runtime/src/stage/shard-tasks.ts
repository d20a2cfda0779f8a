import type { Clock, Span } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { follows } from '../plan/routes.ts'
import type { StageSpans } from './active-request.ts'
import { type PreparedPlan, shardKey } from './prepared-plan.ts'
import type { StageTask } from './stage-runner.ts'

/** A shard and the volumes that run on this device right after it, as one piece of work. */
export interface ShardTasks {
  readonly tasks: readonly StageTask[]
  /** Of the last of them. */
  readonly spans: StageSpans
  /** The cut that the last of them makes. */
  readonly cut: number
}

/**
 * @param first what has been done for the shard so far
 * @param passed a map between two of the volumes is there: the cut's number, what was done for it, and the map
 * @throws RuntimeError `malformed` when the shard is not here
 */
export function shardTasks(
  plan: PreparedPlan,
  volume: number,
  shard: number,
  first: StageSpans,
  clock: Clock,
  passed: (cut: number, ended: StageSpans, map: FeatureMap) => void,
): ShardTasks {
  const tasks: StageTask[] = []
  let spans = first
  for (let at = volume; ; at++) {
    const stage = plan.shards.get(shardKey(at, shard))
    if (stage === undefined) throw new RuntimeError('malformed', `shard ${at}/${shard} is not here`)
    const here = spans
    const onSpan = (span: Span) => here.spans.push(span)
    const task: StageTask = { stage, mark: { kind: 'compute', volume: at }, onSpan }
    if (shard !== 0 || !follows(plan.layout, at + 1)) return { tasks: [...tasks, task], spans, cut: at + 1 }
    const next = { originMs: here.originMs, spans: [] }
    const onOutput = (map: FeatureMap) => {
      next.originMs = clock.now()
      passed(at + 1, here, map)
    }
    tasks.push({ ...task, onOutput })
    spans = next
  }
}
