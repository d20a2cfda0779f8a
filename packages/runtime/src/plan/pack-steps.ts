/** A stretch of work that may end only at certain places. */
export interface Stretch {
  /** Work before each place, ascending. */
  readonly workBefore: readonly number[]
  /** What it costs to end a step at each place, in any unit: bytes that cross it. */
  readonly bytes: readonly number[]
  /** Of the whole stretch. */
  readonly work: number
}

interface Best {
  readonly count: number
  /** Longest step in sixteenths of the limit, rounded up: steps that differ by less count as equal. */
  readonly longest: number
  readonly bytes: number
  /** Node that the last step begins at. */
  readonly from: number
}

/**
 * Indices of the places at which a stretch is cut into as few steps of at most `limit` as possible; among those with the
 * shortest longest step, and then with the fewest bytes crossing. Work between two neighbouring places that exceeds the limit
 * is a step of its own. O(places^2).
 */
export function packSteps({ workBefore, bytes, work }: Stretch, limit: number): number[] {
  const at = [0, ...workBefore, work]
  const best: Best[] = [{ count: 0, longest: 0, bytes: 0, from: -1 }]
  for (let end = 1; end < at.length; end++) {
    let found: Best | undefined
    for (let from = end - 1; from >= 0; from--) {
      const step = (at[end] ?? 0) - (at[from] ?? 0)
      const before = best[from]
      if (before === undefined || (step > limit && from < end - 1)) break
      const candidate: Best = {
        count: before.count + 1,
        longest: Math.max(before.longest, Math.ceil((16 * step) / limit)),
        bytes: before.bytes + (bytes[end - 1] ?? 0),
        from,
      }
      if (found === undefined || isBetter(candidate, found)) found = candidate
    }
    if (found !== undefined) best[end] = found
  }
  const cuts: number[] = []
  for (let node = best[at.length - 1]?.from ?? 0; node > 0; node = best[node]?.from ?? 0) cuts.unshift(node - 1)
  return cuts
}

function isBetter(one: Best, other: Best): boolean {
  if (one.count !== other.count) return one.count < other.count
  return one.longest !== other.longest ? one.longest < other.longest : one.bytes < other.bytes
}
