import type { PlannableModel } from '@roomful/planner'
import { type BlockRun, installWarm } from './block-run.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import type { Extent } from './extent.ts'
import { devicesOf, type MethodPlan, OWN_METHODS } from './methods.ts'
import { localPlan, NO_SOLO, type SoloTimes, soloTimes } from './solo.ts'

/** The local plan is installed on the initiator once more. */
const INSTALLED_MS = 2_000

interface AfterBlocks {
  readonly model: PlannableModel
  readonly extent: Extent
  readonly plans: readonly MethodPlan[]
  readonly run: BlockRun
  readonly remainingMs: number
  readonly signal: AbortSignal | undefined
}

/** The devices alone once more after the blocks, because the machine's speed drifts. */
export class SoloAfter {
  /** At most: what the loops before the blocks took, and the local plan's installation. */
  readonly expectedMs: number
  readonly #quick: boolean

  constructor(beforeMs: number, quick: boolean) {
    this.expectedMs = beforeMs + INSTALLED_MS
    this.#quick = quick
  }

  /**
   * All devices in a full run; in a quick one the initiator and those that the compared plans use, where there is time. Empty where
   * there is none, or where the initiator has no plan alone any more.
   */
  async measure(
    room: EmulatedRoom,
    { model, extent, plans, run, remainingMs, signal }: AfterBlocks,
  ): Promise<SoloTimes> {
    if (extent.blocks === 0 || remainingMs < this.expectedMs) return NO_SOLO
    const used = new Set(plans.filter((entry) => isCompared(entry, run)).flatMap(({ plan }) => devicesOf(plan)))
    used.add(room.id(room.initiator.name))
    // The others have held their plan alone since the beginning.
    await installWarm(room, await localPlan(model, room.initiator))
    return soloTimes(room, { model, extent, signal, only: (name) => !this.#quick || used.has(room.id(name)) })
  }
}

/** Roomful's own methods, and what was still measured at the end. */
function isCompared({ method, sameAs, library }: MethodPlan, run: BlockRun): boolean {
  if (library !== undefined) return false
  return OWN_METHODS.some((name) => name === method) || run.turnMs.has(sameAs ?? method)
}
