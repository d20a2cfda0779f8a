import { type Random, seededRandom, shuffled } from '@roomful/core'
import type { Step } from './page/page.ts'
import { type TransportMachine, transportMachine } from './report.ts'
import { TransportRig } from './rig.ts'
import { median, type Row, summarise, type TransportSummary } from './summary.ts'

export { transportMarkdown } from './report.ts'

/** Feature maps at cuts of the usual networks: 8-bit late cut to fp32 early cut. */
export const MESSAGE_BYTES = [4 << 10, 24 << 10, 100 << 10, 400 << 10, 1 << 20] as const

export interface TransportBenchOptions {
  /** Fewer messages in each repetition, and without raw-64. */
  readonly quick?: boolean
  /** One-way delays of the path, in ms; default 0 and 20. */
  readonly delaysMs?: readonly number[]
  /** `roomful`, `raw-16`, `raw-64` (chunk in KiB), `peerjs`, `roomful-S-H` (slices of S, high water of H KiB). */
  readonly contenders?: readonly string[]
  readonly sizes?: readonly number[]
  readonly repetitions?: number
  readonly random?: Random
  readonly print?: (line: string) => void
  /** Ends the run between two measurements. */
  readonly signal?: AbortSignal
}

export interface TransportBenchResult {
  readonly what: string
  readonly quick: boolean
  readonly machine: TransportMachine
  /** On the path with the fewest. */
  readonly repetitions: number
  readonly rows: readonly Row[]
  /** By message size in bytes, on the path with the least delay. */
  readonly summary: TransportSummary
  /** The same by one-way delay in ms. */
  readonly byDelay: Readonly<Record<string, TransportSummary>>
}

const CONTENDERS = { quick: ['roomful', 'raw-16', 'peerjs'], full: ['roomful', 'raw-16', 'raw-64', 'peerjs'] } as const

/**
 * How much one repetition sends per contender and size: `passes` of `passBytes` for goodput (at least `leastMessages`), and
 * echoes of `echoBytes` altogether, within bounds. On a long way everything takes longer and varies less.
 */
interface Share {
  readonly repetitions: number
  readonly passes: number
  readonly passBytes: number
  readonly leastMessages: number
  readonly echoBytes: number
  readonly leastEchoes: number
  readonly mostEchoes: number
}
const SHARES: Record<'near' | 'far', Record<'quick' | 'full', Share>> = {
  near: {
    quick: {
      repetitions: 10,
      passes: 20,
      passBytes: 256 << 10,
      leastMessages: 1,
      echoBytes: 8e5,
      leastEchoes: 5,
      mostEchoes: 15,
    },
    full: {
      repetitions: 21,
      passes: 10,
      passBytes: 512 << 10,
      leastMessages: 1,
      echoBytes: 2e6,
      leastEchoes: 4,
      mostEchoes: 30,
    },
  },
  far: {
    quick: {
      repetitions: 7,
      passes: 1,
      passBytes: 256 << 10,
      leastMessages: 1,
      echoBytes: 1.5e5,
      leastEchoes: 1,
      mostEchoes: 3,
    },
    full: {
      repetitions: 9,
      passes: 3,
      passBytes: 1 << 20,
      leastMessages: 2,
      echoBytes: 1e6,
      leastEchoes: 3,
      mostEchoes: 9,
    },
  },
}

/** Enough messages that a contender's code is compiled, however much of it there is. */
const NEAR_WARM_UP: Share = { ...SHARES.far.quick, passes: 4, echoBytes: 2e5, leastEchoes: 2, mostEchoes: 20 }

/**
 * Goodput and echo time of whole messages between two Chromium processes: Roomful's Room (feature notices), a plain
 * RTCDataChannel and PeerJS, all linked at once, measured in turns, in an order drawn anew for every pass.
 */
export async function benchTransport(options: TransportBenchOptions = {}): Promise<TransportBenchResult> {
  const { quick = false, print = () => {}, random = seededRandom(20), signal } = options
  const kind = quick ? 'quick' : 'full'
  const contenders = options.contenders ?? CONTENDERS[kind]
  const sizes = options.sizes ?? MESSAGE_BYTES
  const delaysMs = options.delaysMs ?? [0, 20]
  const rows: Row[] = []
  let least = Number.POSITIVE_INFINITY
  const machine = transportMachine()
  for (const delayMs of delaysMs) {
    const share = SHARES[delayMs === 0 ? 'near' : 'far'][kind]
    const repetitions = options.repetitions ?? share.repetitions
    least = Math.min(least, repetitions)
    signal?.throwIfAborted()
    await using rig = await TransportRig.start({ delayMs }, random)
    for (const contender of contenders) await rig.open(contender)
    // A first round that does not count: compiled code, open congestion windows.
    const warmUp = delayMs === 0 ? NEAR_WARM_UP : SHARES.far.quick
    for (const bytes of sizes) await repeat(rig, { contenders, bytes, random, share: warmUp })
    for (let repetition = 0; repetition < repetitions; repetition++) {
      for (const bytes of shuffled(sizes, random)) {
        signal?.throwIfAborted()
        const measured = await repeat(rig, { contenders, bytes, random, share })
        for (const figures of measured) rows.push({ ...figures, delayMs, bytes, repetition })
      }
      print(`delay ${delayMs} ms: repetition ${repetition + 1} of ${repetitions}`)
    }
  }
  const byDelay = summarise(rows)
  const summary = byDelay[String(Math.min(...delaysMs))]
  if (summary === undefined) throw new RangeError('at least one delay and one size are needed')
  return { what: WHAT, quick, machine, repetitions: least, rows, summary, byDelay }
}

const WHAT =
  'two Chromium processes on one machine, through a relay in user space where there is a delay; raw-N: a plain ordered ' +
  'reliable RTCDataChannel, chunks of N KiB, pause above 256 KiB buffered until 64 KiB (bufferedamountlow), length prefix, ' +
  'reassembled; peerjs: DataConnection, reliable, binary; roomful: Room.notify of a feature message. goodput: messages back ' +
  'to back until the receiver says all have come; echo: one message there and back. A repetition has several ' +
  'turns; in a turn each contender runs once, in an order drawn anew. Ratios are taken within a turn; the figure is their ' +
  'pseudo-median over all turns (Hodges-Lehmann, on logarithms) with its 95 % interval; raw is raw-16.'

/** One repetition of one message size: passes of goodput, then echoes, the contenders by turns in a new order each time. */
async function repeat(
  rig: TransportRig,
  options: { contenders: readonly string[]; bytes: number; random: Random; share: Share },
): Promise<Pick<Row, 'contender' | 'goodputMBps' | 'echoMs' | 'turns'>[]> {
  const { contenders, bytes, random, share } = options
  const count = Math.max(share.leastMessages, Math.round(share.passBytes / bytes))
  const echoes = Math.max(share.leastEchoes, Math.min(share.mostEchoes, Math.round(share.echoBytes / bytes)))
  const turns = (kind: Step['kind'], times: number): Step[] =>
    Array.from({ length: times }, () => shuffled(contenders, random))
      .flat()
      .map((contender) => ({ contender, bytes, kind, count: kind === 'echo' ? 1 : count }))
  const steps = [...turns('goodput', share.passes), ...turns('echo', echoes)]
  const took = await rig.on('a', 'measure', steps)
  const timesOf = (contender: string, kind: Step['kind']) =>
    took.filter((_, i) => steps[i]?.contender === contender && steps[i]?.kind === kind)
  return contenders.map((contender) => {
    const turns = { goodputMs: timesOf(contender, 'goodput'), echoMs: timesOf(contender, 'echo') }
    return {
      contender,
      goodputMBps: (bytes * count) / (median(turns.goodputMs) * 1000),
      echoMs: median(turns.echoMs),
      turns,
    }
  })
}
