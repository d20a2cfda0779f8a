import type { ExitName, Topology } from '@roomful/core'
import {
  KindLearning,
  type PlannableModel,
  type PlanningLimits,
  planKind,
  predictPlan,
  RoomPredictor,
  type RoomPredictorOptions,
} from '@roomful/planner'
import { installWarm, measureLoop } from './block-run.ts'
import type { LoopSample } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import { type Extent, loopOf } from './extent.ts'
import { planMethods } from './methods.ts'
import { FIRST_PICTURES } from './solo.ts'
import { mean } from './statistics.ts'

/** Plans that a room in use goes through before it keeps one, for each method. */
const MAX_KINDS = 3

export interface KindsContext {
  readonly room: EmulatedRoom
  readonly model: PlannableModel
  readonly topology: Topology
  /** What else the planner is told of the room. */
  readonly known: RoomPredictorOptions
  readonly limits: PlanningLimits
  readonly extent: Extent
  readonly signal?: AbortSignal | undefined
  readonly print: (line: string) => void
}

/**
 * What plans of `auto` take over what is predicted of them, as a room learns it from its requests: the plan that it would take is asked in a closed
 * loop, and it plans again with what that has shown, until it comes to a kind of plan that it has asked.
 */
export async function kindsOf({ room, model, topology, known, limits, extent, signal, print }: KindsContext) {
  const kinds = new KindLearning()
  const predictor = new RoomPredictor(topology, { ...known, kindFactor: (kind) => kinds.factor(kind) })
  const shown = Array.from({ length: extent.picturesPerBlock }, (_, index) => index % FIRST_PICTURES)
  const endsAtMs = performance.now() + extent.kindsMs
  for (const method of ['auto', 'auto+exits'].filter((name) => extent.methods.includes(name))) {
    for (let tried = 0; tried < MAX_KINDS && performance.now() < endsAtMs; tried++) {
      signal?.throwIfAborted()
      const [found] = (await planMethods([method], model, topology, predictor, limits)).plans
      if (found === undefined || kinds.has(planKind(found.plan))) break
      await installWarm(room, found.plan)
      const { samples } = await measureLoop(room.initiator, { ...loopOf(extent, shown), cache: false })
      const seen = meanOf(samples)
      if (seen === undefined) break
      const shares = model.exits.map(({ name }) => seen.shares.get(name) ?? 0)
      const predictedMs = predictPlan(
        found.plan,
        model,
        topology,
        new RoomPredictor(topology, known),
        shares,
      )?.latencyMs
      if (predictedMs === undefined) break
      kinds.observe(planKind(found.plan), seen.ms, predictedMs)
      print(`${method} asked: ${seen.ms.toFixed(0)} ms, ${predictedMs.toFixed(0)} predicted`)
    }
  }
  return kinds
}

function meanOf(samples: readonly LoopSample[]) {
  const answered = samples.filter(({ failed }) => failed === undefined)
  if (answered.length === 0) return undefined
  const shares = new Map<ExitName, number>()
  for (const { exit } of answered) {
    if (exit !== undefined) shares.set(exit, (shares.get(exit) ?? 0) + 1 / answered.length)
  }
  return { ms: mean(answered.map(({ ms }) => ms)), shares }
}
