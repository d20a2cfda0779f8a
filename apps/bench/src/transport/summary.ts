import { seededRandom } from '@roomful/core'

/** One measurement: a contender, a path, a message size, a repetition. */
export interface Row {
  readonly contender: string
  readonly delayMs: number
  readonly bytes: number
  readonly repetition: number
  /** 10^6 bytes of messages per second. */
  readonly goodputMBps: number
  readonly echoMs: number
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
 * By one-way delay in ms. A ratio is the median over repetitions of the ratio within one repetition, where contenders ran
 * next to each other: what else the machine does then weighs on both.
 */
export function summarise(rows: readonly Row[]): Record<string, TransportSummary> {
  const out: Record<string, TransportSummary> = {}
  for (const delayMs of unique(rows.map((row) => row.delayMs))) {
    const here = rows.filter((row) => row.delayMs === delayMs)
    const sizes = unique(here.map((row) => row.bytes)).sort((a, b) => a - b)
    const goodput = (row: Row) => row.goodputMBps
    const echo = (row: Row) => row.echoMs
    const pairs: Record<RatioName, Record<string, number[]>> = {
      goodputRatioToRaw: ratios(here, sizes, RAW, goodput),
      echoRatioToRaw: ratios(here, sizes, RAW, echo),
      goodputRatioToPeerJS: ratios(here, sizes, 'peerjs', goodput),
      echoRatioToPeerJS: ratios(here, sizes, 'peerjs', echo),
    }
    out[delayMs] = {
      goodputRatioToRaw: mapped(pairs.goodputRatioToRaw, median),
      echoRatioToRaw: mapped(pairs.echoRatioToRaw, median),
      goodputRatioToPeerJS: mapped(pairs.goodputRatioToPeerJS, median),
      echoRatioToPeerJS: mapped(pairs.echoRatioToPeerJS, median),
      intervals: mapped(pairs, (bySize) => mapped(bySize, medianInterval)),
      medians: Object.fromEntries(sizes.map((bytes) => [bytes, cells(here.filter((row) => row.bytes === bytes))])),
    }
  }
  return out
}

/** By size, the ratio of each repetition. */
function ratios(
  rows: readonly Row[],
  sizes: readonly number[],
  reference: string,
  figure: (row: Row) => number,
): Record<string, number[]> {
  const found: Record<string, number[]> = {}
  for (const bytes of sizes) {
    const own = rows.filter((row) => row.bytes === bytes && row.contender === 'roomful')
    const pairs = own.flatMap((row) => {
      const other = rows.find(
        ({ contender, bytes: size, repetition }) =>
          contender === reference && size === bytes && repetition === row.repetition,
      )
      return other === undefined ? [] : [figure(row) / figure(other)]
    })
    if (pairs.length > 0) found[bytes] = pairs
  }
  return found
}

const RESAMPLES = 2000

/** 95 % interval of the median by the percentile bootstrap (Efron 1979); the same for the same values. */
export function medianInterval(values: readonly number[]): Interval {
  const random = seededRandom(7)
  const draw = () => median(values.map(() => values[random.int(values.length)] ?? Number.NaN))
  const drawn = Array.from({ length: RESAMPLES }, draw).sort((a, b) => a - b)
  const at = (share: number) => drawn[Math.floor(share * (RESAMPLES - 1))] ?? Number.NaN
  return [at(0.025), at(0.975)]
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
