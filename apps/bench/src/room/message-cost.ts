import type { Topology } from '@roomful/core'
import {
  messageFactorOf,
  type PlannableModel,
  planWith,
  predictPlan,
  RoomPredictor,
  type RoomPredictorOptions,
  withMessages,
} from '@roomful/planner'
import { installWarm, measureLoop } from './block-run.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import { type Extent, loopOf } from './extent.ts'
import { FIRST_PICTURES } from './solo.ts'
import { mean } from './statistics.ts'

/**
 * What messages cost the initiator, as a room learns it from its requests: pictures sent to the best helper in a closed loop, and the
 * factor with which the prediction of that plan meets their mean. undefined where there is no helper, nothing was answered, or messages
 * are a small part of the time.
 *
 * @param known what else the planner is told of the room
 */
export async function messageFactor(
  room: EmulatedRoom,
  model: PlannableModel,
  topology: Topology,
  known: RoomPredictorOptions,
  extent: Extent,
): Promise<number | undefined> {
  const offload = await planWith('offload', model, topology, new RoomPredictor(topology, known), { exits: false })
  if (!offload.ok) return undefined
  await installWarm(room, offload.plan)
  const shown = Array.from({ length: extent.picturesPerBlock }, (_, index) => index % FIRST_PICTURES)
  const { samples } = await measureLoop(room.initiator, { ...loopOf(extent, shown), cache: false })
  const times = samples.filter(({ failed }) => failed === undefined).map(({ ms }) => ms)
  if (times.length === 0) return undefined
  return messageFactorOf(mean(times), (factor) => {
    const predictor = new RoomPredictor(topology, withMessages(known, topology.initiator, factor))
    return predictPlan(offload.plan, model, topology, predictor)?.latencyMs
  })
}
