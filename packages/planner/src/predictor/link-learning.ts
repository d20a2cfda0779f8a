import type { DeviceId } from '@roomful/core'
import { fitLink, type TimedMessage } from './link-fit.ts'

/**
 * A link that was idle for longer than this is cold: some retransmission timeouts, after each of which SCTP may halve an unused
 * congestion window (RFC 9260, 7.2.1).
 */
export const COLD_MS = 3_000
/** Messages of one direction that are remembered, cold and all. */
const RECENT = 16
/** So many cold messages make a fit. */
const ENOUGH = 6
/** Directions that are remembered; the one unused for longest goes first. */
const MAX_LINKS = 256

interface Direction {
  readonly cold: TimedMessage[]
  /** Whether each of the last messages came after a pause. */
  readonly pauses: boolean[]
  window: number | undefined
}

/**
 * What real messages say of the congestion window that is open when the first one comes after a pause. Where most messages
 * follow one another the window is open, whatever it was at first.
 */
export class LinkLearning {
  readonly #directions = new Map<string, Direction>()

  /** `idleMs`: how long nothing had been sent that way before; wrong numbers are ignored. */
  observe(from: DeviceId, to: DeviceId, message: TimedMessage & { readonly idleMs: number }): void {
    const { bytes, ms, idleMs } = message
    if (!(bytes >= 0) || !(ms > 0) || !Number.isFinite(bytes + ms) || Number.isNaN(idleMs)) return
    const held = this.#touch(from, to)
    const isCold = idleMs > COLD_MS
    held.pauses.push(isCold)
    if (held.pauses.length > RECENT) held.pauses.shift()
    if (!isCold) return
    held.cold.push({ bytes, ms })
    if (held.cold.length > RECENT) held.cold.shift()
    held.window = windowOf(held.cold)
  }

  /**
   * The fitted start window of a direction that is used with pauses, bytes; undefined where messages mostly follow one another, or
   * too little was seen: fewer than six cold messages, or all of one size.
   */
  startWindowBytes(from: DeviceId, to: DeviceId): number | undefined {
    const { pauses = [], window } = this.#directions.get(key(from, to)) ?? {}
    return pauses.filter((isCold) => isCold).length * 2 > pauses.length ? window : undefined
  }

  #touch(from: DeviceId, to: DeviceId): Direction {
    const name = key(from, to)
    const held = this.#directions.get(name) ?? { cold: [], pauses: [], window: undefined }
    this.#directions.delete(name)
    this.#directions.set(name, held)
    for (const oldest of this.#directions.keys()) {
      if (this.#directions.size <= MAX_LINKS) break
      this.#directions.delete(oldest)
    }
    return held
  }
}

function windowOf(cold: readonly TimedMessage[]): number | undefined {
  if (cold.length < ENOUGH || new Set(cold.map(({ bytes }) => bytes)).size < 2) return undefined
  return fitLink(cold).startWindowBytes
}

const key = (from: DeviceId, to: DeviceId): string => `${from}\n${to}`
