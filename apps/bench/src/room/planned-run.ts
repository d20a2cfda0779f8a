import { type PlannableModel, type PlanningLimits, RoomPredictor } from '@roomful/planner'
import type { AloneLibrary } from './alone/library.ts'
import { type Learned, learnByAsking } from './asked.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import type { Extent } from './extent.ts'
import type { MeasuredRoom } from './measured-room.ts'
import { type MethodPlan, planMethods, withLibraries } from './methods.ts'
import { picturesFor } from './picture-supply.ts'
import type { RunTime } from './run-time.ts'
import { leftOut } from './sitting-out.ts'
import { localPlan } from './solo.ts'

/** Who runs in the blocks, by which plans. */
export interface PlannedRun {
  readonly plans: readonly MethodPlan[]
  readonly learned: Learned
  /** By which was planned. */
  readonly predictor: RoomPredictor
  readonly picturesPerBlock: number
  /** Why methods have no plan, a sentence each. */
  readonly notes: readonly string[]
  /** Who was left out for want of time, a sentence each. */
  readonly left: readonly string[]
}

export interface PlanningContext {
  readonly room: EmulatedRoom
  readonly model: PlannableModel
  readonly measured: MeasuredRoom
  readonly limits: PlanningLimits
  readonly extent: Extent
  /** Methods that a large net does without. */
  readonly without: readonly string[]
  readonly libraries: readonly AloneLibrary[]
  /** For what follows the blocks, ms. */
  readonly reservedMs: number
  readonly quick: boolean
  /** Its events leave less time for blocks. */
  readonly short: boolean
  readonly time: RunTime
  readonly signal?: AbortSignal | undefined
}

/** Asks `auto`'s plans, plans every method, and leaves out of a quick run whoever is far behind anyway. */
export async function plannedRun(context: PlanningContext): Promise<PlannedRun> {
  const { room, model, measured, limits, extent, time, signal } = context
  const { topology, known } = measured
  const learned = await learnByAsking({ room, model, topology, known, limits, extent, signal })
  for (const { method, devices, ms, predictedMs } of learned.asked)
    time.say(`${method} asked, ${devices.join(', ')}: ${ms.toFixed(0)} ms, predicted ${predictedMs.toFixed(0)}`)
  const predictor = new RoomPredictor(topology, learned.options)
  const methods = extent.methods.filter((method) => !context.without.includes(method))
  const planned = await planMethods(methods, model, topology, predictor, limits)
  const local = await localPlan(model, room.initiator)
  const possible = withLibraries(context.libraries, planned.plans, local)
  // Who is far behind anyway does not cost a quick run its end in time, nor one with events its second block.
  const remainingMs = time.remainingMs(context.reservedMs)
  const behind = context.quick ? leftOut(possible, extent, { remainingMs, short: context.short }) : []
  const plans = possible.filter(({ method }) => !behind.some((one) => one.method === method))
  time.say(
    `planned: ${plans.map(({ method, sameAs }) => (sameAs === undefined ? method : `${method}=${sameAs}`)).join(' ')}`,
  )
  return {
    plans,
    learned,
    predictor,
    picturesPerBlock: picturesFor(extent, planned.plans),
    notes: planned.notes,
    left: behind.map(
      ({ method, times }) =>
        `${method}: not run: predicted at ${times.toFixed(1)} x the best rival, and there was no time for all`,
    ),
  }
}
