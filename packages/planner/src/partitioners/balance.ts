import type { DraftShard } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { shardsOf, splitRows } from './rows.ts'
import type { Search } from './search.ts'

/**
 * EdgeLD / OCBP: start in proportion to compute, then move one row from the slowest device to the fastest until that no
 * longer shortens the slowest (METHODS section 4). `extraMs` adds what a device pays beside its computing.
 */
export function balanced(
  search: Search,
  from: number,
  to: number,
  processors: readonly number[],
  weights: readonly number[],
  extraMs: (processor: number, start: number, end: number) => number = () => 0,
): DraftShard[] {
  const total = pointAt(search.model, to).rows
  const counts: number[] = new Array(processors.length).fill(0)
  for (const shard of splitRows(total, processors, weights))
    counts[processors.indexOf(shard.processor)] = shard.end - shard.start
  const times = (): number[] => {
    let row = 0
    return counts.map((count, at) => {
      const start = row
      row += count
      if (count === 0) return 0
      const processor = processors[at] as number
      return search.evaluator.costs.shardMs(processor, from, to, start, row) + extraMs(processor, start, row)
    })
  }
  let current = times()
  for (let move = 0; move < total; move++) {
    const slowest = current.indexOf(Math.max(...current))
    const fastest = current.indexOf(Math.min(...current))
    if (slowest === fastest || (counts[slowest] as number) < 1) break
    counts[slowest] = (counts[slowest] as number) - 1
    counts[fastest] = (counts[fastest] as number) + 1
    const next = times()
    if (Math.max(...next) >= Math.max(...current)) {
      counts[slowest] = (counts[slowest] as number) + 1
      counts[fastest] = (counts[fastest] as number) - 1
      break
    }
    current = next
  }
  return shardsOf(processors, counts)
}
