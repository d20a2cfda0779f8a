import type { Topology } from '@roomful/core'
import { type LatencyPredictor, type PlannableModel, pointIndex, Search } from '@roomful/planner'
import type { Observed } from './planning.ts'

type ComputeMeasurement = Extract<Observed, { kind: 'compute' }>

/** Shorter runs say more about timers than about the device. */
const MIN_MS = 1

/**
 * The predicted milliseconds of measured shards, at the speed that is sustained and in the bursts of a processor that has rested; what the
 * model or the room does not have is left out.
 */
export function predictCompute(
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  measured: readonly Observed[],
): { readonly one: ComputeMeasurement; readonly predictedMs: number; readonly soonestMs: number }[] {
  const { room, evaluator } = new Search(model, topology, predictor, {})
  return measured.flatMap((one) => {
    if (one.kind !== 'compute' || one.ms < MIN_MS) return []
    const device = room.devices.find(({ id }) => id === one.device)
    const processor = device?.processors.find((index) => room.processors[index]?.backend === one.backend)
    const [from, to] = [pointIndex(model, one.from), pointIndex(model, one.to)]
    if (processor === undefined || from < 0 || to <= from) return []
    const { costs } = evaluator
    const predictedMs =
      one.rows === undefined
        ? costs.wholeMs(processor, from, to)
        : costs.shardMs(processor, from, to, one.rows.start, one.rows.end)
    return [{ one, predictedMs, soonestMs: costs.soonestMs(processor, predictedMs) }]
  })
}
