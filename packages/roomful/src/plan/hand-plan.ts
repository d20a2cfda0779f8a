import type { Topology } from '@roomful/core'
import {
  type DeviceProfile,
  type ExitPlacement,
  type LayerVolume,
  PICTURE_QUALITY,
  type Plan,
  PlanError,
} from '@roomful/core'
import { type LatencyPredictor, type PlannableModel, planKind, pointIndex, predictPlan } from '@roomful/planner'
import type { HandPlan } from '../snapshot.ts'

/**
 * The Plan of a split drawn by hand: whole layers on each device, and every exit with a threshold that hangs on one of
 * its cuts on the device that makes the cut's map.
 * @throws PlanError `inconsistent` when it names tensors or devices that are not there
 */
export function planOfHand(
  hand: HandPlan,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  thresholds: ReadonlyMap<string, number>,
): Plan {
  const devices = new Map<string, DeviceProfile>(topology.devices.map((device) => [device.id, device]))
  const volumes: LayerVolume[] = []
  let from = model.points[0]?.tensor ?? ''
  let reached = 0
  for (const { device, to, bits = 8 } of hand) {
    const index = pointIndex(model, to)
    const backend = devices.get(device)?.backends[0]?.backend
    if (index <= reached) throw new PlanError('inconsistent', `${to} is no later partition point of this model`)
    if (backend === undefined)
      throw new PlanError('inconsistent', 'a device of the plan is not here or not measured yet')
    volumes.push({ from, to, shards: [{ device, backend }], wire: { bits, entropy: 'none' }, route: 'peer' })
    from = to
    reached = index
  }
  if (reached !== model.points.length - 1) throw new PlanError('inconsistent', 'the plan does not reach the output')
  const exits: ExitPlacement[] = volumes.slice(0, -1).flatMap((volume) => {
    const exit = model.exits.find((each) => model.points[each.point]?.tensor === volume.to)
    const shard = volume.shards[0]
    if (exit === undefined || shard === undefined) return []
    const threshold = thresholds.get(exit.name)
    if (threshold === undefined) return []
    return [{ exit: exit.name, device: shard.device, backend: shard.backend, threshold, mode: 'race' as const }]
  })
  const first = volumes[0]?.shards[0]?.device
  const bare: Plan = {
    model: model.digest,
    trunk: model.trunk,
    input: first === topology.initiator ? { kind: 'tensor' } : { kind: 'jpeg', quality: PICTURE_QUALITY },
    volumes,
    exits,
    predicted: { latencyMs: 0, fullMs: 0, throughputPerSecond: 0, bytes: 0 },
    method: 'by hand',
  }
  const predicted = predictPlan(
    bare,
    model,
    topology,
    predictor,
    exits.map(() => 0),
  )
  if (predicted === undefined) return bare
  const factor = predictor.kindFactor?.(planKind(bare, topology.initiator)) ?? 1
  const { throughputPerSecond, bytes } = predicted
  const [latencyMs, fullMs] = [predicted.latencyMs * factor, predicted.fullMs * factor]
  return { ...bare, predicted: { latencyMs, fullMs, throughputPerSecond, bytes } }
}
