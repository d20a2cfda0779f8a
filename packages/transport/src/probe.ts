import type { Clock } from '@roomful/core'
import type { PeerLink } from './peer-link.ts'
import { TransportError } from './room.ts'

const ROUND_TRIPS = 5
/** After a burst slower than this no larger one follows. */
const SLOW_MS = 100
/** What a direction's bursts may take together: a weak device pays for them with its processor. */
const BUDGET_MS = 300
const TIMEOUT_MS = 5000
/** Timers in browsers are coarse: never divide by less. */
const SHORTEST_MS = 0.5

/** Bytes of the bursts in each direction. The first opens the congestion window. */
export const BRIEF_BURSTS: readonly number[] = [64 << 10, 256 << 10]
/** For a calm link of which little is known: about 90 ms in each direction at 100 Mbit/s, enough for an estimate that needs several samples. */
export const THOROUGH_BURSTS: readonly number[] = [64 << 10, 256 << 10, 512 << 10, 512 << 10]

export interface ProbeResult {
  readonly rttMs: number
  /** What came in, what went out: bytes of the last burst by its time less a round trip. 10^6 bits per second. */
  readonly receiveMbitPerSecond: number
  readonly sendMbitPerSecond: number
}

/** A first burst that is off by no more than this, as a share, confirms what was known, which stays. */
const CONFIRMS = 0.25

/** What a look at a link that has been measured before may leave out. */
export interface ProbeExpectation {
  /** A peer whose median answer takes longer is busy: what is measured beside that is not to be trusted, and would cost it. */
  readonly mostRttMs: number
  /** Where the first burst shows about this, no larger one follows, and this stays. 10^6 bits per second. */
  readonly receiveMbitPerSecond: number | undefined
  readonly sendMbitPerSecond: number | undefined
}

/**
 * Measures a link with questions that the peer's room answers itself: the round trip is the median of five, the rates
 * those of bursts that come as replies and go as questions. Both ends' meters (transfer-meter.ts) see all but the first burst too, and
 * more exactly: the results serve until those have a figure. Undefined when the peer is busier than expected.
 * @throws TransportError when the link ends or does not answer; or `signal.reason`
 */
export async function probeLink(
  link: PeerLink,
  clock: Clock,
  options: {
    readonly bursts?: readonly number[]
    readonly expected?: ProbeExpectation | undefined
    readonly signal?: AbortSignal
  } = {},
): Promise<ProbeResult | undefined> {
  const { bursts = BRIEF_BURSTS, expected, signal } = options
  const ask = async (sendBytes: number, replyBytes: number): Promise<number> => {
    const startMs = clock.now()
    const body = { replyBytes, ...(sendBytes === 0 ? {} : { blobs: [new Uint8Array(sendBytes)] }) }
    const priority = sendBytes === 0 ? 'control' : 'bulk'
    const reply = await link.request('probe', body, { timeoutMs: TIMEOUT_MS, signal, priority })
    const [blob] = (reply as { blobs?: readonly Uint8Array[] }).blobs ?? []
    if ((blob?.byteLength ?? 0) !== replyBytes) throw new TransportError('malformed', 'a probe came back short')
    return clock.now() - startMs
  }
  const trips: number[] = []
  for (let i = 0; i < ROUND_TRIPS; i++) trips.push(await ask(0, 0))
  const rttMs = median(trips)
  if (expected !== undefined && rttMs > expected.mostRttMs) return undefined
  const rateOf = async (burst: (bytes: number) => Promise<number>, knownMbit?: number): Promise<number> => {
    const startMs = clock.now()
    let mbitPerSecond = 0
    let limit = Number.POSITIVE_INFINITY
    for (const wanted of bursts) {
      const bytes = Math.min(wanted, limit)
      const tookMs = await burst(bytes)
      mbitPerSecond = (bytes * 8) / (Math.max(SHORTEST_MS, tookMs - rttMs) * 1000)
      if (knownMbit !== undefined && Math.abs(mbitPerSecond / knownMbit - 1) <= CONFIRMS) return knownMbit
      if (tookMs > SLOW_MS) limit = bytes
      if (clock.now() - startMs + tookMs > BUDGET_MS) break
    }
    return mbitPerSecond
  }
  const receiveMbitPerSecond = await rateOf((bytes) => ask(0, bytes), expected?.receiveMbitPerSecond)
  const sendMbitPerSecond = await rateOf((bytes) => ask(bytes, 0), expected?.sendMbitPerSecond)
  return { rttMs, receiveMbitPerSecond, sendMbitPerSecond }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
