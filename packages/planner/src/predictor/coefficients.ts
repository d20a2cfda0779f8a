import type { BackendSpeed } from '@roomful/core'
import { BOUNDARY_FREE, type BoundaryCosts } from './boundary.ts'
import type { RowEfficiency } from './compute.ts'
import { costsOfSpeed, WORK_FEATURES, WORK_KINDS, WORK_LENGTH, type WorkCosts, workStart } from './work.ts'

/** Digits that a coefficient keeps on its way through the registry. */
const DIGITS = 4
/** Counted one by one; all other features per million, multiply-accumulates per 10^9. */
const SINGLE = new Set(['groups', 'count'])

const unitOf = (feature: string): number => (feature === 'macs' ? 1e9 : SINGLE.has(feature) ? 1 : 1e6)

/** Fitted costs as a profile carries them. */
export interface Fitted {
  readonly costs: WorkCosts
  readonly boundary: BoundaryCosts
  readonly table: readonly RowEfficiency[]
}

/**
 * `coefficients[kind]`: one number per feature of WORK_FEATURES in that order, in ms per 10^9 (macs), per 1 (groups,
 * count) or per 10^6 (all others). `coefficients.run`: ms per 10^6 values `[copied in, read back, in beyond the caches, out
 * beyond the caches]`. `coefficients.rows`: the staircase, `[rows, efficiency, ...]`, ascending. About 500 bytes of JSON:
 * 12 keys of the 64 and at most 12 numbers of the 16 that a profile's check allows.
 */
export function coefficientsOf({ costs, boundary, table }: Fitted): Record<string, number[]> {
  if (costs.length !== WORK_LENGTH) throw new RangeError(`costs: expected ${WORK_LENGTH} numbers`)
  const out: Record<string, number[]> = {}
  for (const kind of WORK_KINDS) {
    const start = workStart(kind)
    out[kind] = WORK_FEATURES[kind].map((feature, i) => rounded((costs[start + i] as number) * unitOf(feature)))
  }
  const { input, output, largeInput, largeOutput } = boundary
  out['run'] = [input, output, largeInput, largeOutput].map((cost) => rounded(cost * 1e6))
  if (table.length > 0) out['rows'] = table.flatMap(({ rows, efficiency }) => [rows, rounded(efficiency)])
  return out
}

const rounded = (value: number): number => Number(value.toPrecision(DIGITS))

/** The costs in a profile; kinds that are absent or of another form fall back on the speed alone. */
export function costsOfProfile(speed: BackendSpeed): WorkCosts {
  const costs = costsOfSpeed(speed.gmacsPerSecond)
  for (const kind of WORK_KINDS) {
    const features: readonly string[] = WORK_FEATURES[kind]
    const fitted = speed.coefficients?.[kind]
    if (fitted === undefined || fitted.length !== features.length || !fitted.every((cost) => cost >= 0)) continue
    const start = workStart(kind)
    for (const [i, feature] of features.entries()) costs[start + i] = (fitted[i] as number) / unitOf(feature)
  }
  return costs
}

/** What the borders of a run cost, from a profile; free where it was not measured. */
export function boundaryOfProfile({ coefficients }: BackendSpeed): BoundaryCosts {
  const run = coefficients?.['run']
  if (run === undefined || run.length !== 4 || !run.every((cost) => cost >= 0)) return BOUNDARY_FREE
  const [input = 0, output = 0, largeInput = 0, largeOutput = 0] = run.map((cost) => cost / 1e6)
  return { input, output, largeInput, largeOutput }
}

/** The staircase in a profile. */
export function tableOfProfile({ coefficients }: BackendSpeed): RowEfficiency[] {
  const flat = coefficients?.['rows'] ?? []
  const table: RowEfficiency[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [rows = 0, efficiency = 0] = flat.slice(i, i + 2)
    if (rows > (table.at(-1)?.rows ?? 0) && efficiency > 0) table.push({ rows, efficiency })
  }
  return table
}
