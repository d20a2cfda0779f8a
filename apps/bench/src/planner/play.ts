import type { Plan } from '@roomful/core'
import type { PlannableModel } from '@roomful/planner'
import { percentilesOf, readScenario, SimulatorError, simulate } from '@roomful/simulator'

/** ROOM.json: what `readRoom` accepts, its ends and links named. */
interface RoomJson {
  readonly initiator: string
  readonly devices: readonly { readonly id: string }[]
  readonly links: readonly { readonly a: string; readonly b: string }[]
  readonly limits: object
}

/** Requests of one steady measurement, of which the last ones count: the first wait for the runtime's preparations. */
export const REQUESTS = 5
export const COUNTED = 2
const DEADLINE_MS = 1e7
const MOST_REQUESTS = 10_000

/** Images per second of a plan, one image after the other: 1 / the median simulated latency of the last requests. */
export async function steadyRate(model: PlannableModel, room: RoomJson, plan: Plan): Promise<number> {
  const requests = { kind: 'closed', count: REQUESTS, deadlineMs: DEADLINE_MS }
  const result = await simulate(readScenario({ model: 'given', room, plan, requests }), model)
  const { count, p50Ms } = percentilesOf(result.requests.slice(-COUNTED))
  return count > 0 ? 1000 / p50Ms : 0
}

/**
 * Images per second of a method while all links go through `rates` (Mbit/s), each for `phaseMs`; the method plans anew
 * when the runtime notices. Everything that a change costs is in the figure. 0 where the method has no plan.
 */
export async function changingRate(
  model: PlannableModel,
  room: RoomJson,
  method: string,
  rates: readonly number[],
  phaseMs: number,
): Promise<number> {
  const totalMs = phaseMs * rates.length
  const events = rates
    .slice(1)
    .flatMap((mbitPerSecond, i) =>
      room.links.map(({ a, b }) => ({ kind: 'link', atMs: phaseMs * (i + 1), a, b, mbitPerSecond })),
    )
  const requests = { kind: 'closed', count: MOST_REQUESTS, untilMs: totalMs, deadlineMs: DEADLINE_MS }
  const scenario = readScenario({ model: 'given', room, methods: [method], requests, events })
  const result = await simulate(scenario, model).catch((error: unknown) => {
    if (error instanceof SimulatorError && error.reason === 'plan') return undefined
    throw error
  })
  if (result === undefined) return 0
  let images = 0
  for (const { outcome, startMs, endMs } of result.requests) {
    // The image in work at the end counts by the share of its time that has passed.
    if (outcome === 'ok') images += Math.min(1, (totalMs - startMs) / (endMs - startMs))
  }
  return (images * 1000) / totalMs
}
