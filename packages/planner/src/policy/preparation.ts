import type { Plan, Topology } from '@roomful/core'
import { type Draft, type DraftVolume, fromPlan } from '../evaluator/draft.ts'
import { Evaluator } from '../evaluator/evaluator.ts'
import { readinessMs } from '../evaluator/readiness.ts'
import { compileRoom } from '../evaluator/room.ts'
import { type PlannableModel, segmentAt } from '../model/plannable.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'

/** What it costs to get a plan ready while another one is in use. */
export interface Preparation {
  /** From the wish to the switch: the slowest of its devices fetches weights, builds sessions and warms them, in ms. */
  readonly readyMs: number
  /**
   * By how much requests are late, all together, in ms: warm-up runs take processors that the plan in use needs, and the
   * initiator's getting ready to complete alone takes one that the new plan may need.
   */
  readonly delayMs: number
}

export interface PreparationOptions {
  /** Bytes of weights from which a device builds sessions per ms. Default 200,000. [ours] */
  readonly buildBytesPerMs?: number
  /** Whether every device has the weights already; otherwise those new to it come over its link. Default false. */
  readonly weightsHeld?: boolean
}

/**
 * What a switch costs, by the runtime's rules: a stage that both plans have on a processor is kept with its sessions; every
 * other one is built and run once. Undefined where a plan does not fit the room.
 */
export function preparationOf(
  next: Plan,
  current: Plan,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  options: PreparationOptions = {},
): Preparation | undefined {
  const { buildBytesPerMs = 200_000, weightsHeld = false } = options
  const room = compileRoom(topology, predictor)
  const trunkOf = (plan: Plan) => [model, ...model.trunks].find(({ trunk }) => trunk === plan.trunk)
  const [trunk, before] = [trunkOf(next), trunkOf(current)]
  if (trunk === undefined || before === undefined) return undefined
  const wanted = fromPlan(next, trunk, room)
  const used = fromPlan(current, before, room)
  if (wanted === undefined || used === undefined) return undefined
  const now = stages(used, before.trunk)
  const known = new Set(now.map(({ key }) => key))
  const held = new Set(now.flatMap(({ processor, volume }) => segmentsHeld(processor, volume)))
  const busy = new Set(now.map(({ processor }) => processor))
  const evaluator = new Evaluator(trunk, room)
  const { costs } = evaluator
  const ready = new Float64Array(room.devices.length)
  const delay = new Float64Array(room.processors.length)
  for (const { key, processor, volume, start, end } of stages(wanted, trunk.trunk)) {
    if (known.has(key)) continue
    const { from, to } = volume
    const whole = volume.shards.length === 1
    const warmMs = whole ? costs.wholeMs(processor, from, to) : costs.shardMs(processor, from, to, start, end)
    let bytes = 0
    let fetched = 0
    for (let i = from; i < to; i++) {
      const weights = segmentAt(trunk, i).parameters * 4
      bytes += weights
      if (!held.has(`${processor} ${i}`)) fetched += weights
    }
    const device = room.processors[processor]?.device ?? 0
    const link = weightsHeld ? undefined : room.links[0]?.[device]
    ready[device] = (ready[device] ?? 0) + bytes / buildBytesPerMs + (link?.serialMs(fetched) ?? 0) + warmMs
    if (busy.has(processor)) delay[processor] = (delay[processor] ?? 0) + warmMs
  }
  if (ready.every((ms) => ms === 0)) return { readyMs: 0, delayMs: 0 }
  return { readyMs: Math.max(...ready), delayMs: Math.max(...delay) + readinessMs(evaluator, wanted) }
}

/** What a plan's processors run, and a name for each that is the same where the runtime shares the sessions. */
function stages({ volumes }: Draft, trunk: string) {
  return volumes.flatMap((volume, at) =>
    volume.shards.map(({ processor, start, end }) => {
      const { from, to, wire } = volume
      const before = volumes[at - 1]?.wire ?? 0
      const rows = volume.shards.length === 1 ? '' : `${start}-${end}`
      return { processor, volume, start, end, key: [trunk, processor, from, to, rows, before, wire].join(' ') }
    }),
  )
}

function segmentsHeld(processor: number, { from, to }: DraftVolume): string[] {
  return Array.from({ length: to - from }, (_, i) => `${processor} ${from + i}`)
}
