import { type Random, seededRandom, shuffled } from '@roomful/core'
import { type TransportMachine, transportMachine } from './report.ts'
import { TransportRig } from './rig.ts'
import { type Row, summarise, type TransportSummary } from './summary.ts'

export { transportMarkdown } from './report.ts'

/** Feature maps at cuts of the usual networks: 8-bit late cut to fp32 early cut. */
export const MESSAGE_BYTES = [4 << 10, 24 << 10, 100 << 10, 400 << 10, 1 << 20] as const

export interface TransportBenchOptions {
  /** Fewer and shorter repetitions. */
  readonly quick?: boolean
  /** One-way delays of the path, in ms; default 0 and 20. */
  readonly delaysMs?: readonly number[]
  /** `roomful`, `raw-16`, `raw-64` (chunk in KiB), `peerjs`, `roomful-S-H` (slices of S, high water of H KiB). */
  readonly contenders?: readonly string[]
  readonly sizes?: readonly number[]
  readonly repetitions?: number
  readonly random?: Random
  readonly print?: (line: string) => void
}

export interface TransportBenchResult {
  readonly what: string
  readonly quick: boolean
  readonly machine: TransportMachine
  readonly repetitions: number
  readonly rows: readonly Row[]
  /** By message size in bytes, on the path with the least delay. */
  readonly summary: TransportSummary
  /** The same by one-way delay in ms. */
  readonly byDelay: Readonly<Record<string, TransportSummary>>
}

const CONTENDERS = ['roomful', 'raw-16', 'raw-64', 'peerjs'] as const

/**
 * Goodput and echo time of whole messages between two Chromium processes: Roomful's Room (feature notices), a plain
 * RTCDataChannel and PeerJS, all linked at once, measured one at a time in an order drawn anew for every repetition.
 */
export async function benchTransport(options: TransportBenchOptions = {}): Promise<TransportBenchResult> {
  const { quick = false, print = () => {}, random = seededRandom(20) } = options
  const repetitions = options.repetitions ?? (quick ? 7 : 9)
  const contenders = options.contenders ?? CONTENDERS
  const sizes = options.sizes ?? MESSAGE_BYTES
  const delaysMs = options.delaysMs ?? [0, 20]
  const rows: Row[] = []
  const machine = transportMachine()
  for (const delayMs of delaysMs) {
    await using rig = await TransportRig.start({ delayMs }, random)
    for (const contender of contenders) await rig.open(contender)
    // A first round that does not count: compiled code, open congestion windows.
    for (const contender of contenders) await measure(rig, contender, delayMs, 100 << 10, quick)
    for (let repetition = 0; repetition < repetitions; repetition++) {
      for (const bytes of shuffled(sizes, random)) {
        for (const contender of shuffled(contenders, random)) {
          rows.push({ ...(await measure(rig, contender, delayMs, bytes, quick)), repetition })
        }
      }
      print(`delay ${delayMs} ms: repetition ${repetition + 1} of ${repetitions}`)
    }
  }
  const byDelay = summarise(rows)
  const summary = byDelay[String(Math.min(...delaysMs))]
  if (summary === undefined) throw new RangeError('at least one delay and one size are needed')
  return { what: WHAT, quick, machine, repetitions, rows, summary, byDelay }
}

const WHAT =
  'two Chromium processes on one machine; raw-N: a plain ordered reliable RTCDataChannel, chunks of N KiB, pause above ' +
  '256 KiB buffered until 64 KiB (bufferedamountlow), length prefix, reassembled; peerjs: DataConnection, reliable, ' +
  'binary; roomful: Room.notify of a feature message. goodput: messages back to back until the receiver says all have ' +
  'come; echo: median of single messages sent there and back. Ratios: median over repetitions of the ratio within a ' +
  'repetition; raw is raw-16.'

async function measure(
  rig: TransportRig,
  contender: string,
  delayMs: number,
  bytes: number,
  quick: boolean,
): Promise<Omit<Row, 'repetition'>> {
  // A long way makes everything slow: fewer messages there tell as much.
  const share = (quick ? 0.25 : 1) * (delayMs > 0 ? 0.25 : 1)
  const count = Math.max(2, Math.min(200, Math.round((share * (4 << 20)) / bytes)))
  await rig.on('b', 'sink', contender, count)
  const tookMs = await rig.on('a', 'measureGoodput', contender, bytes, count)
  await rig.on('b', 'echo', contender)
  // Short echoes are told apart from the machine's noise by their number.
  const echoCount = Math.max(3, Math.min(30, Math.round((share * 1e6) / bytes)))
  const echoes = await rig.on('a', 'measureEcho', contender, bytes, echoCount)
  return {
    contender,
    delayMs,
    bytes,
    goodputMBps: (bytes * count) / (tookMs * 1000),
    echoMs: [...echoes].sort((x, y) => x - y)[echoes.length >> 1] ?? Number.NaN,
  }
}
