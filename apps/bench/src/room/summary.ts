import { isAlone } from './alone/library.ts'
import { blockMeans, type MeasuredBlock, ratioOfBlocks } from './block-means.ts'
import { hasExits, OWN_METHODS } from './methods.ts'
import type { RoomRow } from './rows.ts'
import type { Interval } from './statistics.ts'

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
  /** The same among the room's plans: `local`, `offload`, strips and the published partitioners, no library in a page of its own. */
  readonly autoAgainstPlans?: AgainstBest
  readonly autoExitsAgainstPlans?: AgainstBest
  /** Of the plan of `auto`, and of `auto+exits`: |predicted - measured| / measured. Predictions know no cache. */
  readonly predictionError: Readonly<Record<string, number>>
  /** The same for the prediction that was made before any plan had been asked. */
  readonly predictionErrorUnasked: Readonly<Record<string, number>>
  /** The same with the devices' speeds of before and after the blocks: what is left is the planner's, not the machine's. */
  readonly predictionErrorAtMeanSpeed: Readonly<Record<string, number>>
  /** Measured over the limit. */
  readonly ratioToLimit: Readonly<Record<string, number>>
  readonly ratioToLocal: Readonly<Record<string, number>>
}

const OWN: readonly string[] = OWN_METHODS

const offBy = (predictedMs: number | null, meanMs: number) =>
  predictedMs === null ? null : Math.abs(predictedMs - meanMs) / meanMs

export function summaryOf(rows: readonly RoomRow[], blocks: readonly MeasuredBlock[]): RoomSummary {
  const own = rows.filter(({ method }) => OWN.includes(method))
  const ofRoom = rows.filter(({ method }) => !isAlone(method))
  const auto = againstBest('auto', rows, blocks)
  const exits = againstBest('auto+exits', rows, blocks)
  const autoInRoom = againstBest('auto', ofRoom, blocks)
  const exitsInRoom = againstBest('auto+exits', ofRoom, blocks)
  const figuresOf = (rows: readonly RoomRow[], of: (row: RoomRow) => number | null) =>
    Object.fromEntries(rows.flatMap((row) => (of(row) === null ? [] : [[row.method, of(row) ?? 0]])))
  const figures = (of: (row: RoomRow) => number | null) => figuresOf(own, of)
  const uncached = own.filter(({ method }) => !method.endsWith('+cache'))
  const errors = (of: (row: RoomRow) => number | null) => figuresOf(uncached, (row) => offBy(of(row), row.meanMs))
  return {
    ...(auto === undefined ? {} : { autoAgainstBest: auto }),
    ...(exits === undefined ? {} : { autoExitsAgainstBest: exits }),
    ...(autoInRoom === undefined ? {} : { autoAgainstPlans: autoInRoom }),
    ...(exitsInRoom === undefined ? {} : { autoExitsAgainstPlans: exitsInRoom }),
    predictionError: errors((row) => row.predictedMs),
    predictionErrorUnasked: errors((row) => row.predictedUnaskedMs),
    predictionErrorAtMeanSpeed: errors((row) => row.predictedAtMeanSpeedMs),
    ratioToLimit: figures((row) => row.ratioToLimit),
    ratioToLocal: figures((row) => row.ratioToLocal),
  }
}

/**
 * The rival that is the fastest over the odd requests, block by block, is compared over the even ones, block by block: a
 * rival that was only lucky in the samples that chose it gains nothing. A rival with the same plan compares as 1. Rivals with exits, which
 * leave some of the work out, are those of a method with exits.
 */
export function againstBest(
  method: string,
  rows: readonly RoomRow[],
  blocks: readonly MeasuredBlock[],
): AgainstBest | undefined {
  const samplesOf = (name: string) => rows.find((row) => row.method === name)?.sameAs ?? name
  const rivals = rows
    .map((row) => row.method)
    .filter((name) => !OWN.includes(name) && (hasExits(method) || !hasExits(name)))
  // Ratios within blocks: a rival that sat out is held against the blocks that it had, not against faster or slower ones.
  const choosing = blockMeans(blocks, samplesOf(method), 1)
  const picked = rivals
    .flatMap((rival) => {
      const own = ratioOfBlocks(blockMeans(blocks, samplesOf(rival), 1), choosing)
      return own === undefined ? [] : [{ rival, ratio: own.ratio }]
    })
    .sort((a, b) => a.ratio - b.ratio)[0]
  if (picked === undefined || !rows.some((row) => row.method === method)) return undefined
  const found = ratioOfBlocks(blockMeans(blocks, samplesOf(method), 0), blockMeans(blocks, samplesOf(picked.rival), 0))
  return found === undefined ? undefined : { method, rival: picked.rival, ...found }
}
