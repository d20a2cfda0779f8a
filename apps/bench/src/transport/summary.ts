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
  readonly medians: Readonly<Record<string, Readonly<Record<string, Cell>>>>
}

/** Ratios of medians, by one-way delay in ms. `raw` is the better plain channel at that size and figure. */
export function summarise(rows: readonly Row[]): Record<string, TransportSummary> {
  const out: Record<string, TransportSummary> = {}
  for (const delayMs of unique(rows.map((row) => row.delayMs))) {
    const here = rows.filter((row) => row.delayMs === delayMs)
    const names = unique(here.map((row) => row.contender))
    const medians: Record<string, Record<string, Cell>> = {}
    const ratios = { rawGoodput: {}, rawEcho: {}, peerGoodput: {}, peerEcho: {} } as Record<
      'rawGoodput' | 'rawEcho' | 'peerGoodput' | 'peerEcho',
      Record<string, number>
    >
    for (const bytes of unique(here.map((row) => row.bytes)).sort((a, b) => a - b)) {
      const cells: Record<string, Cell> = {}
      for (const name of names) {
        const of = here.filter((row) => row.bytes === bytes && row.contender === name)
        cells[name] = {
          goodputMBps: median(of.map((row) => row.goodputMBps)),
          echoMs: median(of.map((row) => row.echoMs)),
        }
      }
      medians[bytes] = cells
      const own = cells['roomful']
      const raws = names.filter((name) => name.startsWith('raw-')).flatMap((name) => cells[name] ?? [])
      const peer = cells['peerjs']
      if (own === undefined) continue
      if (raws.length > 0) {
        ratios.rawGoodput[bytes] = own.goodputMBps / Math.max(...raws.map((cell) => cell.goodputMBps))
        ratios.rawEcho[bytes] = own.echoMs / Math.min(...raws.map((cell) => cell.echoMs))
      }
      if (peer !== undefined) {
        ratios.peerGoodput[bytes] = own.goodputMBps / peer.goodputMBps
        ratios.peerEcho[bytes] = own.echoMs / peer.echoMs
      }
    }
    out[delayMs] = {
      goodputRatioToRaw: ratios.rawGoodput,
      echoRatioToRaw: ratios.rawEcho,
      goodputRatioToPeerJS: ratios.peerGoodput,
      echoRatioToPeerJS: ratios.peerEcho,
      medians,
    }
  }
  return out
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]
