/** One measurement: a contender, a path, a message size, a repetition. */
export interface Row {
  readonly contender: string
  readonly delayMs: number
  readonly bytes: number
  readonly repetition: number
  /** 10^6 bytes of messages per second; median over the turns. */
  readonly goodputMBps: number
  /** Median over the turns. */
  readonly echoMs: number
  /** Milliseconds of each turn. Every contender had turn `i` of a repetition directly beside the others' turn `i`. */
  readonly turns: { readonly goodputMs: readonly number[]; readonly echoMs: readonly number[] }
}

/** Medians of one contender at one size. */
export interface Cell {
  readonly goodputMBps: number
  readonly echoMs: number
}

/** By message size in bytes. Above 1 is better for goodput, below 1 for echo. */
export interface TransportSummary {
  readonly goodputRatioToRaw: Readonly<Record<string, number>>
  readonly echoRatioToRaw: Readonly<Record<string, number>>
  readonly goodputRatioToPeerJS: Readonly<Record<string, number>>
  readonly echoRatioToPeerJS: Readonly<Record<string, number>>
  /** 95 % intervals of the ratios above, under the same names. */
  readonly intervals: Readonly<Record<RatioName, Readonly<Record<string, Interval>>>>
  readonly medians: Readonly<Record<string, Readonly<Record<string, Cell>>>>
}

export type Interval = readonly [low: number, high: number]
type RatioName = 'goodputRatioToRaw' | 'echoRatioToRaw' | 'goodputRatioToPeerJS' | 'echoRatioToPeerJS'

/** The plain channel that ratios refer to: chunks of 16 KiB, the size that every browser takes. */
const RAW = 'raw-16'

/**
 * By one-way delay in ms. A ratio is taken within a turn, where contenders ran next to each other: what else the machine
 * does then weighs on both. The figure is the pseudo-median of the ratios of all turns of all repetitions.
 */
export function summarise(rows: readonly Row[]): Record<string, TransportSummary> {
  const out: Record<string, TransportSummary> = {}
  for (const delayMs of unique(rows.map((row) => row.delayMs))) {
    const here = rows.filter((row) => row.delayMs === delayMs)
    const sizes = unique(here.map((row) => row.bytes)).sort((a, b) => a - b)
    const centres: Record<RatioName, Record<string, Centre>> = {
      goodputRatioToRaw: ratios(here, sizes, RAW, 'goodputMs'),
      echoRatioToRaw: ratios(here, sizes, RAW, 'echoMs'),
      goodputRatioToPeerJS: ratios(here, sizes, 'peerjs', 'goodputMs'),
      echoRatioToPeerJS: ratios(here, sizes, 'peerjs', 'echoMs'),
    }
    out[delayMs] = {
      ...mapped(centres, (bySize) => mapped(bySize, ({ value }) => value)),
      intervals: mapped(centres, (bySize) => mapped(bySize, ({ interval }) => interval)),
      medians: Object.fromEntries(sizes.map((bytes) => [bytes, cells(here.filter((row) => row.bytes === bytes))])),
    }
  }
  return out
}

/** By size, the centre of Roomful's ratios to `reference`: of times for echoes, of rates for goodput. */
function ratios(
  rows: readonly Row[],
  sizes: readonly number[],
  reference: string,
  kind: keyof Row['turns'],
): Record<string, Centre> {
  const found: Record<string, Centre> = {}
  for (const bytes of sizes) {
    const own = rows.filter((row) => row.bytes === bytes && row.contender === 'roomful')
    const pairs = own.flatMap((row) => {
      const other = rows.find(
        ({ contender, bytes: size, repetition }) =>
          contender === reference && size === bytes && repetition === row.repetition,
      )
      return row.turns[kind].flatMap((ms, turn) => {
        const otherMs = other?.turns[kind][turn]
        if (otherMs === undefined) return []
        return [kind === 'echoMs' ? ms / otherMs : otherMs / ms]
      })
    })
    if (pairs.length > 0) found[bytes] = centre(pairs)
  }
  return found
}

export interface Centre {
  readonly value: number
  /** 95 %. */
  readonly interval: Interval
}

/**
 * The pseudo-median of ratios on a logarithmic scale: the median of the geometric means of all pairs (Hodges and Lehmann
 * 1963), with the interval that belongs to the signed-rank test (normal approximation). As deaf to outliers as it needs to
 * be, and its interval is a fifth narrower than that of a plain median.
 */
export function centre(values: readonly number[]): Centre {
  const logs = values.map(Math.log)
  const means = logs.flatMap((a, i) => logs.slice(i).map((b) => (a + b) / 2)).sort((a, b) => a - b)
  const n = logs.length
  const outside = (n * (n + 1)) / 4 - 1.96 * Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24)
  const cut = Math.max(0, Math.floor(outside))
  const low = means[cut] ?? Number.NaN
  const high = means[means.length - 1 - cut] ?? Number.NaN
  return { value: Math.exp(median(means)), interval: [Math.exp(low), Math.exp(high)] }
}

function mapped<K extends string, T, U>(record: Readonly<Record<K, T>>, map: (value: T) => U): Record<K, U> {
  return Object.fromEntries(Object.entries<T>(record).map(([key, value]) => [key, map(value)])) as Record<K, U>
}

function cells(rows: readonly Row[]): Record<string, Cell> {
  return Object.fromEntries(
    unique(rows.map((row) => row.contender)).map((name) => {
      const of = rows.filter((row) => row.contender === name)
      return [
        name,
        { goodputMBps: median(of.map((row) => row.goodputMBps)), echoMs: median(of.map((row) => row.echoMs)) },
      ]
    }),
  )
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]
