import type { LoopSample } from './closed-loop.ts'
import { type Interval, mean, pairedRatio } from './statistics.ts'

/** The samples of one method in one block. */
export interface MeasuredBlock {
  readonly method: string
  readonly block: number
  readonly samples: readonly LoopSample[]
}

/** Mean time by block, in the order of the blocks. */
export type BlockMeans = ReadonlyMap<number, number>

/**
 * Mean time of the answered requests of each block in which any was answered. `half`: only every second of them, beginning with
 * the first (0) or the second (1).
 */
export function blockMeans(blocks: readonly MeasuredBlock[], method: string, half?: 0 | 1): BlockMeans {
  const own = blocks.filter((block) => block.method === method).toSorted((a, b) => a.block - b.block)
  return new Map(
    own.flatMap(({ block, samples }): [number, number][] => {
      const answered = samples.filter(({ failed }) => failed === undefined)
      const counted = half === undefined ? answered : answered.filter((_, index) => index % 2 === half)
      return counted.length === 0 ? [] : [[block, mean(counted.map(({ ms }) => ms))]]
    }),
  )
}

/**
 * Two methods over the blocks in which both were measured: one that ended early is compared where it ran, not block against
 * another block. undefined where there is none.
 */
export function ratioOfBlocks(
  numerators: BlockMeans,
  denominators: BlockMeans,
): { readonly ratio: number; readonly ci: Interval | null } | undefined {
  const both = [...numerators].flatMap(([block, own]): [number, number][] => {
    const other = denominators.get(block)
    return other === undefined ? [] : [[own, other]]
  })
  if (both.length === 0) return undefined
  const { ratio, interval } = pairedRatio(
    both.map(([own]) => own),
    both.map(([, other]) => other),
  )
  return { ratio, ci: finite(interval) }
}

/** JSON has no infinity. */
export function finite(interval: Interval): Interval | null {
  return interval.every(Number.isFinite) ? interval : null
}
