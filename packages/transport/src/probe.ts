import type { Clock } from '@roomful/core'
import type { PeerLink } from './peer-link.ts'
import { TransportError } from './room.ts'

const ROUND_TRIPS = 5
/** The first burst opens the congestion window, the second is measured: at most 320 KiB for a link. */
const BURSTS = [64 << 10, 256 << 10]
/** A burst slower than this is measurement enough. */
const SLOW_MS = 300
const TIMEOUT_MS = 5000

export interface ProbeResult {
  readonly rttMs: number
  readonly mbitPerSecond: number
}

/**
 * Measures a fresh link with questions that the peer's room answers itself: the round trip is the median of five, the
 * bandwidth that of a short burst without its round trip.
 * @throws TransportError when the link ends or does not answer; or `signal.reason`
 */
export async function probeLink(link: PeerLink, clock: Clock, signal?: AbortSignal): Promise<ProbeResult> {
  const ask = async (replyBytes: number): Promise<number> => {
    const startMs = clock.now()
    const reply = await link.request('probe', { replyBytes }, { timeoutMs: TIMEOUT_MS, signal, priority: 'control' })
    const [blob] = (reply as { blobs?: readonly Uint8Array[] }).blobs ?? []
    if ((blob?.byteLength ?? 0) !== replyBytes) throw new TransportError('malformed', 'a probe came back short')
    return clock.now() - startMs
  }
  const trips: number[] = []
  for (let i = 0; i < ROUND_TRIPS; i++) trips.push(await ask(0))
  const rttMs = median(trips)
  let mbitPerSecond = 0
  for (const bytes of BURSTS) {
    const tookMs = await ask(bytes)
    // Timers in browsers are coarse: never divide by less than half a millisecond.
    mbitPerSecond = (bytes * 8) / (Math.max(0.5, tookMs - rttMs) * 1000)
    if (tookMs > SLOW_MS) break
  }
  return { rttMs, mbitPerSecond }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
