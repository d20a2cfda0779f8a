import type { DraftShard, DraftVolume } from '../evaluator/draft.ts'

/**
 * `total` rows in proportion to the weights (largest remainder), as shards in the order given; a processor that would
 * get no row gets no shard.
 */
export function splitRows(total: number, processors: readonly number[], weights: readonly number[]): DraftShard[] {
  const sum = weights.reduce((a, b) => a + b, 0)
  const exact = weights.map((weight) => (sum > 0 ? (total * weight) / sum : total / weights.length))
  const counts = exact.map(Math.floor)
  let left = total - counts.reduce((a, b) => a + b, 0)
  const order = exact
    .map((value, at) => ({ at, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest || a.at - b.at)
  for (const { at } of order) {
    if (left <= 0) break
    counts[at] = (counts[at] as number) + 1
    left--
  }
  return shardsOf(processors, counts)
}

/** Consecutive shards with so many rows each; zeros are left out. */
export function shardsOf(processors: readonly number[], counts: readonly number[]): DraftShard[] {
  const shards: DraftShard[] = []
  let row = 0
  for (const [at, count] of counts.entries()) {
    if (count <= 0) continue
    shards.push({ processor: processors[at] as number, start: row, end: row + count })
    row += count
  }
  return shards
}

/** A volume with these shards; one shard alone becomes the whole. */
export function rowVolume(
  from: number,
  to: number,
  shards: readonly DraftShard[],
  wire: number,
  route: DraftVolume['route'] = 'peer',
): DraftVolume {
  const [only] = shards
  const whole = shards.length === 1 && only !== undefined
  return { from, to, shards: whole ? [{ processor: only.processor, start: 0, end: 0 }] : shards, wire, route }
}

/** The same division of another number of rows. */
export function rescale(shards: readonly DraftShard[], rowsBefore: number, rowsNow: number): DraftShard[] {
  if (shards.length < 2 || rowsBefore === rowsNow) return [...shards]
  return splitRows(
    rowsNow,
    shards.map((shard) => shard.processor),
    shards.map((shard) => shard.end - shard.start),
  )
}
