import { seededRandom } from '@roomful/core'
import { type PlanningLimits, planWith, randomChain, randomDense, randomRoom, SMALL_SHAPES } from '@roomful/planner'

export interface SmallCases {
  readonly compared: number
  /** Cases in which `auto` costs more than 1.01 of the best of all plans. */
  readonly over: number
  readonly worst: number
}

/** `auto` against `exhaustive` on random small cases, by predicted latency. */
export async function smallCases(count: number, seed = 6): Promise<SmallCases> {
  const random = seededRandom(seed)
  const limits: PlanningLimits = { wire: { bits: 8, entropy: 'none' } }
  let [compared, over, worst] = [0, 0, 0]
  // Cases that are too large for `exhaustive` are passed over.
  for (let i = 0; compared < count && i < 2 * count; i++) {
    const { devices, cuts, size } = SMALL_SHAPES[i % SMALL_SHAPES.length] as (typeof SMALL_SHAPES)[number]
    const model = size === 0 ? randomDense(random, cuts) : randomChain(random, cuts, size)
    const room = randomRoom(random, devices)
    const best = await planWith('exhaustive', model, room.topology, room.predictor, limits)
    const ours = await planWith('auto', model, room.topology, room.predictor, limits)
    if (!best.ok || !ours.ok) continue
    const ratio = ours.plan.predicted.latencyMs / best.plan.predicted.latencyMs
    compared++
    if (ratio > 1.01) over++
    worst = Math.max(worst, ratio)
  }
  return { compared, over, worst }
}
