import { seededRandom } from '@roomful/core'
import { planWith, SMALL_FAMILIES, type SmallFamily, smallCase } from '@roomful/planner'

export interface Compared {
  readonly compared: number
  /** Cases in which `auto` costs more than 1.01 of the best of all plans. */
  readonly over: number
  readonly worst: number
}

export interface SmallCases extends Compared {
  readonly families: readonly (Compared & { readonly family: SmallFamily })[]
}

/** `auto` against `exhaustive` on `count` random small cases, equally many of every family, by each case's objective. */
export async function smallCases(count: number, seed = 6): Promise<SmallCases> {
  const share = count / SMALL_FAMILIES.length
  const families = []
  for (const [at, family] of SMALL_FAMILIES.entries()) {
    const wanted = Math.round(share * (at + 1)) - Math.round(share * at)
    families.push({ family, ...(await compare(family, wanted, seed + at)) })
  }
  return {
    compared: families.reduce((sum, one) => sum + one.compared, 0),
    over: families.reduce((sum, one) => sum + one.over, 0),
    worst: Math.max(...families.map((one) => one.worst)),
    families,
  }
}

async function compare(family: SmallFamily, count: number, seed: number): Promise<Compared> {
  const random = seededRandom(seed)
  let [compared, over, worst] = [0, 0, 0]
  // Cases that are too large for `exhaustive` are passed over.
  for (let i = 0; compared < count && i < 2 * count; i++) {
    const { model, room, limits } = smallCase(random, family, i)
    const best = await planWith('exhaustive', model, room.topology, room.predictor, limits)
    if (!best.ok) continue
    const ours = await planWith('auto', model, room.topology, room.predictor, limits)
    if (!ours.ok) throw new Error(`no plan where there is one: ${ours.message}`)
    const [mine, least] = [ours, best].map(({ plan }) =>
      limits.objective === 'throughput' ? 1 / plan.predicted.throughputPerSecond : plan.predicted.latencyMs,
    ) as [number, number]
    compared++
    if (mine > least * 1.01) over++
    worst = Math.max(worst, mine / least)
  }
  return { compared, over, worst }
}
