import type { MeasuredBlock, RoomRow } from './rows.ts'
import { type Interval, mean, pairedRatio } from './statistics.ts'

/** One method against its best rival, the rival picked on other samples than those it is compared on. */
export interface AgainstBest {
  readonly method: string
  readonly rival: string
  readonly ratio: number
  /** 95 % interval of the ratio; null with one block. */
  readonly ci: Interval | null
}

export interface RoomSummary {
  readonly autoAgainstBest?: AgainstBest
  readonly autoExitsAgainstBest?: AgainstBest
  /** Of the plan of `auto`, and of `auto+exits`: |predicted - measured| / measured. */
  readonly predictionError: Readonly<Record<string, number>>
  /** Measured over the limit. */
  readonly ratioToLimit: Readonly<Record<string, number>>
  readonly ratioToLocal: Readonly<Record<string, number>>
}

const OWN = ['auto', 'auto+exits', 'auto+exits+cache']

export function summaryOf(rows: readonly RoomRow[], blocks: readonly MeasuredBlock[]): RoomSummary {
  const own = rows.filter(({ method }) => OWN.includes(method))
  const auto = againstBest('auto', rows, blocks)
  const exits = againstBest('auto+exits', rows, blocks)
  const figures = (of: (row: RoomRow) => number | null) =>
    Object.fromEntries(own.flatMap((row) => (of(row) === null ? [] : [[row.method, of(row) ?? 0]])))
  return {
    ...(auto === undefined ? {} : { autoAgainstBest: auto }),
    ...(exits === undefined ? {} : { autoExitsAgainstBest: exits }),
    predictionError: figures(({ predictedMs, meanMs }) => Math.abs(predictedMs - meanMs) / meanMs),
    ratioToLimit: figures((row) => row.ratioToLimit),
    ratioToLocal: figures((row) => row.ratioToLocal),
  }
}

/**
 * The rival with the least mean over the odd requests of all blocks is compared over the even ones, block by block: a
 * rival that was only lucky in the samples that chose it gains nothing. A rival with the same plan compares as 1.
 */
export function againstBest(
  method: string,
  rows: readonly RoomRow[],
  blocks: readonly MeasuredBlock[],
): AgainstBest | undefined {
  const samplesOf = (name: string) => rows.find((row) => row.method === name)?.sameAs ?? name
  const rivals = rows.map((row) => row.method).filter((name) => !OWN.includes(name))
  const picked = rivals
    .map((rival) => ({ rival, ms: mean(halfMeans(samplesOf(rival), blocks, 1)) }))
    .filter(({ ms }) => Number.isFinite(ms))
    .sort((a, b) => a.ms - b.ms)[0]
  if (picked === undefined || !rows.some((row) => row.method === method)) return undefined
  const mine = halfMeans(samplesOf(method), blocks, 0)
  const theirs = halfMeans(samplesOf(picked.rival), blocks, 0)
  const count = Math.min(mine.length, theirs.length)
  if (count === 0) return undefined
  const { ratio, interval } = pairedRatio(mine.slice(0, count), theirs.slice(0, count))
  return { method, rival: picked.rival, ratio, ci: interval.every(Number.isFinite) ? interval : null }
}

/** Mean per block over every second answered request, beginning with the first (`half` 0) or the second. */
function halfMeans(method: string, blocks: readonly MeasuredBlock[], half: 0 | 1): number[] {
  return blocks
    .filter((block) => block.method === method)
    .sort((a, b) => a.block - b.block)
    .map(({ samples }) => {
      const answered = samples.filter(({ failed }) => failed === undefined)
      return mean(answered.filter((_, index) => index % 2 === half).map(({ ms }) => ms))
    })
}
