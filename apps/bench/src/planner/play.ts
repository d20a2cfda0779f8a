import type { Plan } from '@roomful/core'
import type { PlannableModel } from '@roomful/planner'
import { percentilesOf, readScenario, simulate } from '@roomful/simulator'

/** ROOM.json: what `readRoom` accepts, its ends and links named. */
interface RoomJson {
  readonly initiator: string
  readonly devices: readonly { readonly id: string }[]
  readonly links: readonly { readonly a: string; readonly b: string }[]
  readonly limits: object
}

/** Requests of one steady measurement, of which the last ones count: the first wait for the runtime's preparations. */
export const REQUESTS = 9
export const COUNTED = 3
const DEADLINE_MS = 1e7

/** Images per second of a plan, one image after the other: 1 / the median simulated latency of the last requests. */
export async function steadyRate(model: PlannableModel, room: RoomJson, plan: Plan): Promise<number> {
  const requests = { kind: 'closed', count: REQUESTS, deadlineMs: DEADLINE_MS }
  const result = await simulate(readScenario({ model: 'given', room, plan, requests }), model)
  const { count, p50Ms } = percentilesOf(result.requests.slice(-COUNTED))
  return count > 0 ? 1000 / p50Ms : 0
}

/**
 * Images per second of a method while all links go through `rates` (Mbit/s), each for `phaseMs`; the method plans anew
 * when the runtime notices. Everything that a change costs is in the figure.
 * @param most an upper bound of its images per second
 */
export async function changingRate(
  model: PlannableModel,
  room: RoomJson,
  method: string,
  rates: readonly number[],
  phaseMs: number,
  most: number,
): Promise<number> {
  const totalMs = phaseMs * rates.length
  const events = rates
    .slice(1)
    .flatMap((mbitPerSecond, i) =>
      room.links.map(({ a, b }) => ({ kind: 'link', atMs: phaseMs * (i + 1), a, b, mbitPerSecond })),
    )
  const count = Math.ceil((totalMs / 1000) * most * 1.1) + 2
  const requests = { kind: 'closed', count, deadlineMs: DEADLINE_MS }
  const result = await simulate(readScenario({ model: 'given', room, methods: [method], requests, events }), model)
  let images = 0
  let lastMs = 0
  for (const { outcome, startMs, endMs } of result.requests) {
    lastMs = Math.max(lastMs, endMs)
    // The image in work at the end counts by the share of its time that has passed.
    if (outcome === 'ok' && startMs < totalMs) images += Math.min(1, (totalMs - startMs) / (endMs - startMs))
  }
  return (images * 1000) / Math.min(totalMs, lastMs)
}
